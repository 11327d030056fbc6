"""The command of one stage: it makes the stage and what it still needs."""

from __future__ import annotations

from typing import Any

import click

from pipeline.commands.options import doing
from pipeline.commands.run import execute
from pipeline.graph.stages_file import StagesFile

UNKNOWN = "Make this stage."  # what is said of a step that says nothing, or that there is none of


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
    return click.command(name=name, help=text)(command)


def purpose(step: str) -> str:
    """What a step is for, in a sentence: HELP of its Options, read and not imported."""
    from pipeline.graph import step_facts
    from pipeline.parts.code import PartError

    try:
        return step_facts.about(step).help or UNKNOWN
    except PartError:
        return UNKNOWN
