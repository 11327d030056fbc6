"""The command of one stage: it makes the stage and what the stage still needs; its help lists the params."""

from __future__ import annotations

import click

from pipeline.commands.options import run_options
from pipeline.commands.run import execute
from pipeline.commands.shared import Shared
from pipeline.graph.stages_file import StagesFile

UNKNOWN = "Make this stage."  # help of a step that has no HELP, or that does not exist


class StageCommand(click.Command):
    """A command whose help lists the params of its stage; they are read when the help is printed."""

    file: StagesFile

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the params of the step, the part and so on, with their values and meanings."""
        from pipeline.graph import params

        listed = params.listed(str(self.name), self.file)
        for title, members in listed.items():
            if members:
                with formatter.section(title):
                    formatter.write_dl(
                        [(f"{param.name}={param.value or '…'}", param.meaning) for param in members], col_max=36
                    )
        if any(listed.values()):
            formatter.write_paragraph()
            formatter.write_text(
                f"Change one by --set '{self.name}.PARAM=VALUE', or under `params:` of '{self.name}' in a stages.yaml. "
                "The values are those without a profile, and `…` stands for one that must be given."
            )


def stage_command(name: str, file: StagesFile) -> click.Command | None:
    """The command of a stage of the file; None if the file has no such stage."""
    entry = file.entries.get(name)
    if entry is None:
        return None

    @run_options
    def make_stage(shared: Shared) -> None:
        execute(shared, (name,))

    step, uses = str(entry.get("step", "")), str(entry.get("uses") or "")
    kind = f"step {step}, {uses}" if uses else f"step {step}"
    text = f"{purpose(step)}\n\nMakes stage '{name}' ({kind}) and what it still needs, nothing else."
    command: StageCommand = click.command(cls=StageCommand, name=name, help=text)(make_stage)
    command.file = file
    return command


def purpose(step: str) -> str:
    """The purpose of a step in one sentence: HELP of its Options, read from the source without importing it."""
    from pipeline.graph import step_facts
    from pipeline.parts.code import PartError

    try:
        return step_facts.about(step).help or UNKNOWN
    except PartError:
        return UNKNOWN
