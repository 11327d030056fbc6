"""The command of one stage: it makes the stage and what it still needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pipeline.commands.options import doing, request

VERBS = {  # what a stage's command says in --help, by its step
    "ingest": "List all videos and captions, with digests, splits and shards.",
    "decode": "Look at every video; what cannot be read goes to the failures.",
    "finetune": "Train CLIP on the train split.",
    "extract": "Extract this feature for all videos or captions.",
    "import": "Take over features that others extracted.",
    "train": "Train the fusion models on cached features.",
    "rank": "Rank videos for captions and captions for videos.",
    "evaluate": "Compute the metrics.",
    "report": "Write the report page.",
}


def stages_option(arguments: list[str]) -> Path | None:
    """The value of --stages, looked up before click parses: it decides which commands there are."""
    for place, argument in enumerate(arguments):
        if argument == "--stages" and place + 1 < len(arguments):
            return Path(arguments[place + 1])
        if argument.startswith("--stages="):
            return Path(argument.partition("=")[2])
    return None


def execute(options: dict[str, Any], targets: tuple[str, ...], retry: bool, max_failures: int) -> None:
    """Run, print what came of it, and exit with an error if too many videos failed."""
    from pipeline.run import run as run_stages

    wanted = request(options)
    outcome = run_stages(wanted, targets, retry)
    click.echo(outcome.summary(wanted.work))
    if 0 <= max_failures < outcome.lost:
        raise click.ClickException(
            f"{outcome.lost} videos failed, more than --max-failures {max_failures}; "
            f"see `laff failures -w {wanted.work}`"
        )


def stage_command(name: str) -> click.Command:
    """The command of one stage: it makes the stage and what it still needs."""

    @doing
    def command(retry_failed: bool, max_failures: int, **options: Any) -> None:
        execute(options, (name,), retry_failed, max_failures)

    step, uses = stage_facts(name)
    first = VERBS.get(step, "Make this stage.")
    kind = f"step {step}, {uses}" if uses else f"step {step}"
    text = f"{first}\n\nMakes stage '{name}' ({kind}) and what it still needs, nothing else."
    return click.command(name=name, help=text, short_help=f"{first.rstrip('.')} [stage]")(command)


def stage_facts(name: str) -> tuple[str, str]:
    """Step and part of a stage as the file has them, unchecked."""
    from pipeline import yamls
    from pipeline.graph.stages import default_path

    entry = yamls.load(stages_option(sys.argv) or default_path())["stages"][name] or {}
    return str(entry.get("step", "")), str(entry.get("uses") or "")
