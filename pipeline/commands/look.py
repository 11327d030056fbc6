"""`laff search`, `laff show` and `laff failures`: what a run has made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pipeline.commands.options import request, where, where_alone


@click.command(name="search")
@click.argument("sentence")
@where
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="How many videos.")
@click.option(
    "--split",
    type=click.Choice(["all", "train", "val", "test"]),
    default="all",
    show_default=True,
    help="Where to look.",
)
@click.option("--model", default="", metavar="NAME", help="Another trained model than the main one, such as concat.")
def search_command(sentence: str, k: int, split: str, model: str, **options: Any) -> None:
    """Find videos by a SENTENCE with the trained model.

    \b
    laff search "a red square moves to the left" -c demo/collection/collection.yaml -w demo/work --profile small
    """
    from pipeline.errors import printable
    from pipeline.search import answer

    found = answer(request(options), sentence, k, split, model)
    for note in found.notes():
        click.echo(note, err=True)
    for rank, hit in enumerate(found.hits, 1):
        click.echo(f"{rank:3}  {hit.score:7.4f}  {hit.video}  {printable(hit.path)}")


@click.command(name="show")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
def show_command(file: Path) -> None:
    """Show what a shard holds: datasets, attributes, failures."""
    from pipeline.rows.shards import describe

    click.echo(describe(file))


@click.command(name="failures")
@where_alone
@click.option("--json", "as_json", is_flag=True, help="The ledger's lines as they are.")
def failures_command(work: Path, as_json: bool) -> None:
    """Show which videos failed, in which stage, and why; and those that are used, though with a flaw.

    The workspace alone is looked at; the options of the run may stand here too.
    """
    from pipeline.store import ledger

    if not work.is_dir():
        raise click.ClickException(f"{work}: no such workspace")
    lines, notes = ledger.read(work / "failures.jsonl"), ledger.notes(work / "failures.jsonl")
    if as_json:
        for line in [*lines, *notes]:
            click.echo(json.dumps(line, ensure_ascii=False))
    else:
        click.echo(ledger.table(lines, notes))
