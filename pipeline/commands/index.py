"""`laff index`: a folder of videos made ready to be searched."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pipeline.commands.options import PACKAGE, PATH, agreeing, hands, settings, work_option, working
from pipeline.commands.terminal import called

EXAMPLE = "a dog runs on the beach"


def windows_of(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    """What collection.yaml is to say of --windows: {seconds: …} of 10, and stride of 10/5, else the word as it is."""
    if value is None:
        return None
    numbers = []
    for part in value.split("/"):
        try:
            numbers.append(int(part) if part.isdigit() else float(part))
        except ValueError:
            return value
    return dict(zip(("seconds", "stride"), numbers, strict=False))


@click.command(name="index")
@click.argument("folder", required=False, type=PATH)
@settings
@PACKAGE
@work_option(required=False)
@working
@click.option(
    "--feature",
    "features",
    multiple=True,
    metavar="NAME",
    help="Another pair of features than clip, such as conse, whose models come in packages; several: each of them, and "
    "search takes the first.",
)
@click.option("--weights", default="", metavar="NAME", help="Another checkpoint: of `laff weights list`, or a file.")
@click.option(
    "--windows",
    callback=windows_of,
    metavar="SECONDS[/STRIDE]",
    help="Find parts of videos: windows of so many seconds, 10 or 10/5, or shots.",
)
def index_command(
    folder: Path | None,
    features: tuple[str, ...],
    weights: str,
    windows: Any,
    retry_failed: bool,
    max_failures: int,
    **options: Any,
) -> None:
    """Make all videos of a FOLDER ready to be searched by sentences.

    It keeps what it makes in FOLDER/.laff, or in the workspace that -w names. Again, it takes what is new, changed or
    gone; without FOLDER it looks after the index of the current folder. It remembers what it was given.

    \b
    laff index Videos                          then: laff search "a dog runs on the beach" -w Videos
    laff index Videos --feature conse          without a model from a hub
    laff index Videos --weights mobileclip2-s2
    laff index Videos --package OUT            by a model of your own, which `laff package` made
    """
    from pipeline.indexing import making
    from pipeline.indexing.order import Order, prepared

    start = time.perf_counter()
    order = Order(
        folder,
        options["work"],
        features,
        weights,
        windows,
        options["stages"],
        options["profile"],
        options["sets"],
        options["trust"],
        options["package"],
    )
    with prepared(order) as wanted:
        wanted = replace(wanted, **hands(options))
        outcome, change = agreeing(wanted, lambda agreed: making.run(agreed, retry_failed))
    where = making.by(wanted, Path())
    failures = f"`laff failures{where}` says why"
    found = outcome.videos - outcome.lost
    what = "videos" if outcome.videos == change.now else "parts of videos"
    if not found:
        raise click.ClickException(f"none of the {outcome.videos} videos could be read; {failures}")
    click.echo(f"videos: {change}")
    if outcome.lost:
        click.echo(f"{outcome.lost} of {outcome.videos} {what} cannot be found: {failures}; --retry-failed tries again")
    if outcome.random:
        click.echo(f"RANDOM WEIGHTS in {', '.join(outcome.random)}: answers show that the machine runs, nothing more")
    by = ", ".join(making.features(wanted))
    click.echo(
        f"{found} of {outcome.videos} {what} can be found by {by}; this took {time.perf_counter() - start:.0f} s"
    )
    click.echo(f'next: {called()} search "{EXAMPLE}"{where}')
    if 0 <= max_failures < outcome.lost:
        raise click.ClickException(f"{outcome.lost} videos failed, more than --max-failures {max_failures}; {failures}")
