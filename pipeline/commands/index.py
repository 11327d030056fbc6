"""`laff index`: make a folder of videos ready to be searched."""

from __future__ import annotations

import time
from pathlib import Path

import click

from pipeline.commands import complete
from pipeline.commands.options import PATH, index_options
from pipeline.commands.output import json_option, print_json
from pipeline.commands.shared import Shared, confirmed
from pipeline.shell import called

EXAMPLE = "a dog runs on the beach"
Windows = dict[str, float] | str  # as collection.yaml says them


def windows_of(context: click.Context, option: click.Parameter, value: str | None) -> Windows | None:
    """The value of --windows: 10 -> {seconds: 10}, 10/5 -> with stride 5, else the word itself.

    BadParameter for what is neither seconds nor `shots` nor a file or folder that is there.
    """
    if value is None or value == "shots":
        return value
    form = "seconds such as 10, seconds and stride such as 10/5, shots, or the file or folder of a list of shots"
    numbers: list[float] = []
    for part in value.split("/"):
        try:
            numbers.append(int(part) if part.isdigit() else float(part))
        except ValueError:
            if Path(value).exists():
                return value
            raise click.BadParameter(f"{value}: no such file; give {form}") from None
    if len(numbers) > 2 or not all(0 < number < float("inf") for number in numbers) or numbers[-1] > numbers[0]:
        raise click.BadParameter(f"{value}: give {form}; a stride is no longer than the window")
    return dict(zip(("seconds", "stride"), numbers, strict=False))


@click.command(name="index")
@click.argument("folder", required=False, type=PATH)
@index_options
@click.option(
    "--feature",
    "features",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.PAIRS,
    help="Another pair of features than clip, such as conse, whose models come in packages. Given several times, "
    "search uses the first.",
)
@click.option(
    "--weights",
    default="",
    metavar="NAME",
    help="Another checkpoint: of `laff weights list`, or a file.",
    shell_complete=complete.WEIGHTS,
)
@click.option(
    "--windows",
    callback=windows_of,
    metavar="SECONDS[/STRIDE]",
    help="Find parts of videos: windows of so many seconds, 10 or 10/5, or shots.",
)
@json_option("work, videos, found, failed, unnamed, new, changed, gone, features, random, seconds")
@click.option("--follow-links", is_flag=True, help="Follow links that lead out of the folder; else they are left out.")
def index_command(
    folder: Path | None,
    features: tuple[str, ...],
    weights: str,
    windows: Windows | None,
    follow_links: bool,
    as_json: bool,
    shared: Shared,
) -> None:
    """Make all videos of a FOLDER ready to be searched by sentences.

    It writes to FOLDER/.laff, or to the workspace that -w names, and remembers its options. When you call it again, it
    takes new, changed and deleted videos into account; without FOLDER it updates the index of the current folder.

    \b
    laff index Videos                          then: laff search "a dog runs on the beach" -w Videos
    laff index Videos --feature conse          without a model from a hub
    laff index Videos --weights mobileclip2-s2
    laff index Videos --package OUT            with a model of your own, from `laff package`
    """
    from pipeline.errors import printable
    from pipeline.indexing import making
    from pipeline.indexing.order import Order
    from pipeline.indexing.preparing import prepared

    start = time.perf_counter()
    order = Order(
        folder,
        shared.work,
        features,
        weights,
        windows,
        shared.stages,
        shared.profile,
        shared.sets,
        shared.trust,
        shared.package,
        follow_links,
    )
    with prepared(order) as ordered:
        request = shared.carried_out(ordered)
        outcome, change = confirmed(request, lambda agreed: making.run(agreed, shared.retry_failed, order))
    where = making.work_words(request, Path())
    failures = f"`laff failures{where}` says why"
    searchable = outcome.videos - outcome.lost
    items = "videos" if outcome.videos == change.now else "parts of videos"
    total = outcome.videos + len(change.unnamed)
    if not searchable:
        raise click.ClickException(f"none of the {outcome.videos:,} videos could be read; {failures}")
    names, seconds = making.features(request), time.perf_counter() - start
    if as_json:
        print_json(
            {"work": str(request.work), "videos": outcome.videos, "found": searchable, "failed": outcome.lost}
            | {"unnamed": list(change.unnamed), "new": change.new, "changed": change.changed, "gone": change.gone}
            | {"features": list(names), "random": outcome.random, "seconds": round(seconds, 1)}
        )
        shared.check_failures(outcome.lost, f"; {failures}")
        return
    click.echo(f"videos: {change}")
    if outcome.lost:
        click.echo(
            f"{outcome.lost:,} of {outcome.videos:,} {items} cannot be found: {failures}; --retry-failed tries again"
        )
    if change.unnamed:
        left_out = ", ".join(map(printable, change.unnamed[:3])) + (", …" if len(change.unnamed) > 3 else "")
        click.echo(
            f"{len(change.unnamed):,} are left out, since no id can be as their names, until renamed: {left_out}"
        )
    if outcome.random:
        click.echo(f"RANDOM WEIGHTS in {', '.join(outcome.random)}: answers show that the machine runs, nothing more")
    click.echo(f"{searchable:,} of {total:,} {items} can be found by {', '.join(names)}; this took {seconds:.0f} s")
    click.echo(f'next: {called()} search "{EXAMPLE}"{where}')
    click.echo(f"in the browser: {called()} serve{where}")
    shared.check_failures(outcome.lost, f"; {failures}")
