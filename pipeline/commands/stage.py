"""The command of one stage: it makes the stage and what it still needs; its help lists what can be set on it."""

from __future__ import annotations

from typing import Any

import click

from pipeline.commands.options import doing
from pipeline.commands.run import execute
from pipeline.graph.stages_file import StagesFile

UNKNOWN = "Make this stage."  # what is said of a step that says nothing, or that there is none of


class StageCommand(click.Command):
    """A command whose help lists the params of its stage, read when the help is asked for."""

    file: StagesFile

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the params by whose they are, with their values and meanings."""
        from pipeline.graph import params

        listed = params.listed(str(self.name), self.file)
        for title, members in listed.items():
            if members:
                with formatter.section(title):
                    formatter.write_dl([(f"{one.name}={one.value or '…'}", one.meaning) for one in members], col_max=36)
        if any(listed.values()):
            formatter.write_paragraph()
            formatter.write_text(
                f"Change one by --set '{self.name}.PARAM=VALUE', or under `params:` of '{self.name}' in a stages.yaml. "
                "The values are those without a profile, and `…` stands for one that must be given."
            )


def stage_command(name: str, file: StagesFile) -> click.Command | None:
    """The command of a stage of the file; None where it has no such stage."""
    entry = file.entries.get(name)
    if entry is None:
        return None

    @doing
    def command(retry_failed: bool, max_failures: int, **options: Any) -> None:
        execute(options, (name,), retry_failed, max_failures)

    step, uses = str(entry.get("step", "")), str(entry.get("uses") or "")
    kind = f"step {step}, {uses}" if uses else f"step {step}"
    text = f"{purpose(step)}\n\nMakes stage '{name}' ({kind}) and what it still needs, nothing else."
    made: StageCommand = click.command(cls=StageCommand, name=name, help=text)(command)
    made.file = file
    return made


def purpose(step: str) -> str:
    """What a step is for, in a sentence: HELP of its Options, read and not imported."""
    from pipeline.graph import step_facts
    from pipeline.parts.code import PartError

    try:
        return step_facts.about(step).help or UNKNOWN
    except PartError:
        return UNKNOWN
