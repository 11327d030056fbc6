"""`laff show` and `laff failures`: the content of a shard, and the videos that failed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipeline.commands.options import workspace_only
from pipeline.commands.output import json_option, paper, print_json


@click.command(name="show")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@json_option("file, datasets (shape and type of each), attributes, failed, notes")
def show_command(file: Path, as_json: bool) -> None:
    """Show what a shard holds: datasets, attributes, failures."""
    from pipeline.rows.shards import describe
    from pipeline.store import contents

    if as_json:
        print_json(contents.of(file))
    else:
        click.echo(describe(file))


@click.command(name="failures")
@workspace_only
@json_option("a line of JSON each: video, stage, reason, exception, decoder, time; of a note also kind")
def failures_command(work: Path, as_json: bool) -> None:
    """Show which videos failed, in which stage, and why; also videos that are used in spite of a flaw.

    Only the workspace is read; the options of the run are allowed here too.
    """
    from pipeline.store import home, ledger

    home.check(work)
    lines, notes = ledger.read(work / "failures.jsonl"), ledger.notes(work / "failures.jsonl")
    if as_json:
        for line in [*lines, *notes]:
            click.echo(json.dumps(line, ensure_ascii=False))
    else:
        click.echo(ledger.table(lines, notes, paper()))
