"""`laff diff`: what two runs, or the runs of two workspaces, differ in."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands import complete
from pipeline.commands.options import TRUST, work_option
from pipeline.commands.output import json_option, paper, print_json

DIFFERENT = 3  # exit status: 1 is that of an error


@click.command(name="diff")
@work_option(required=False)
@TRUST
@json_option("equal; parts: of each whether it is equal; settings, versions, hardware, collection, features, results")
@click.argument("first", metavar="A", shell_complete=complete.SIDES)
@click.argument("second", metavar="B", shell_complete=complete.SIDES)
@click.pass_context
def diff_command(
    context: click.Context, first: str, second: str, work: Path | None, trust: tuple[str, ...], as_json: bool
) -> None:
    """Show what two runs differ in: A and B are workspaces, WORK:RUN, or names of runs with -w WORK.

    Compared are settings (with where each comes from), versions and hardware as the runs noted them, videos and
    captions, the features of the items that both have (cosine, largest difference, how many are equal byte by byte;
    of large collections some shards), and the metrics of the rows that both have, with a paired randomisation test on
    the queries of both. Where features differ, it says what of their making differs: weights, sampling, precision,
    decoder, libraries, code. Of a workspace its last run is taken. Nothing is written, and no video is read.

    Exit status: 0 where all of it is equal, 3 where anything differs, 1 after an error.

    \b
    laff diff main heads4 -w WORK
    laff diff WORK OTHER                            the last runs of two workspaces
    laff diff WORK:main OTHER:main --json
    """
    from pipeline.difference import text
    from pipeline.difference.difference import difference
    from pipeline.difference.side import opened
    from pipeline.store import home

    folder = work or home.nearest(Path())
    found = difference(opened(first, folder, trust), opened(second, folder, trust))
    if as_json:
        print_json(found.as_json())
    else:
        click.echo(text.text(found, paper()))
    if not found.equal:
        context.exit(DIFFERENT)
