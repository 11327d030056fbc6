"""A group of commands whose help lists them under titles, with complete summaries."""

from __future__ import annotations

import sys
from typing import Any

import click

UNTITLED = "Commands"  # the section of commands that were added to no section


class Sectioned(click.Group):
    """A group that lists its commands by section, in the order in which they were added."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.titles: dict[str, str] = {}  # command -> its section

    def add(self, title: str, *commands: click.Command) -> None:
        """Add commands to the section of this title."""
        for command in commands:
            self.add_command(command)
            self.titles[str(command.name)] = title

    def sections(self, ctx: click.Context) -> dict[str, list[str]]:
        """The names of all commands by section."""
        sections: dict[str, list[str]] = {}
        for name in self.commands:
            sections.setdefault(self.titles.get(name, UNTITLED), []).append(name)
        return sections

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of this name; UsageError, with similar names, if there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from pipeline.errors import did_you_mean

            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(error.message.rstrip(".") + hint, ctx) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands in the order of the sections."""
        return [name for names in self.sections(ctx).values() for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections; a summary too long for its line continues on the next."""
        listed = {
            title: [
                (name, command) for name in names if (command := self.get_command(ctx, name)) and not command.hidden
            ]
            for title, names in self.sections(ctx).items()
        }
        width = max((len(name) for members in listed.values() for name, _ in members), default=0)
        for title, members in listed.items():
            entries = [(name.ljust(width), summary(command)) for name, command in members]
            if entries:
                with formatter.section(title):
                    formatter.write_dl(entries)


def summary(command: click.Command) -> str:
    """The first sentence of a command's help, at any length."""
    return command.get_short_help_str(limit=sys.maxsize).rstrip(".")
