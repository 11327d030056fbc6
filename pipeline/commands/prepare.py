"""`laff prepare`: a collection from the official annotation files of a data set."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands import complete
from pipeline.commands.options import PATH, OneOf, mapping
from pipeline.commands.output import json_option, print_json
from pipeline.shell import called


def fractions_of(context: click.Context, option: click.Parameter, value: str | None) -> tuple[float, ...]:
    """The value of --fractions, 80/10/10 -> (0.8, 0.1, 0.1); BadParameter for anything but three positive numbers."""
    if value is None:
        return ()
    try:
        parts = [float(part) for part in value.split("/")]
    except ValueError:
        parts = []
    if len(parts) != 3 or not all(0 <= part < float("inf") for part in parts) or not sum(parts):
        raise click.BadParameter(f"{value}: give the parts of train, val and test, such as 80/10/10")
    return tuple(part / sum(parts) for part in parts)


@click.command(name="prepare")
@click.argument("dataset", required=False, shell_complete=complete.DATA_SETS)
@click.argument("annotations", nargs=-1, type=PATH, metavar="[FILE|FOLDER]...")
@click.option("--protocol", default="", metavar="NAME", help="Which splits; `laff prepare DATASET` lists them.")
@click.option("--videos", type=PATH, metavar="FOLDER", help="Where the videos are; leave it out for imported features.")
@click.option("--out", type=PATH, metavar="FOLDER", help="Where the collection goes.")
@click.option("--title", default="", metavar="NAME", help="Another name of the collection, for tables and pages.")
@click.option(
    "--val",
    type=OneOf(["held-out", "test"]),
    help="Where a protocol has no validation split: videos of train, or those of test, as some papers have it.",
)
@click.option("--held-out", type=click.IntRange(1), metavar="N", help="So many videos of train become val.")
@click.option("--seed", type=int, default=1, show_default=True, metavar="N", help="Of a random draw of videos.")
@click.option(
    "--captions", "first", type=click.IntRange(1), metavar="N", help="Keep the first N captions of each video."
)
@click.option(
    "--column", "columns", multiple=True, callback=mapping, metavar="WHAT=COLUMN", help="The column of a table."
)
@click.option(
    "--fractions",
    callback=fractions_of,
    metavar="TRAIN/VAL/TEST",
    help="The parts of a random split, such as 80/10/10.",
)
@click.option("--follow-links", is_flag=True, help="Let a run follow links that lead out of the folder of --videos.")
@click.option("--accept-counts", is_flag=True, help="Write it although counts differ from the published ones.")
@click.option("--yes", is_flag=True, help="Replace another collection in the folder of --out.")
@json_option("the data sets (name, title, files, protocols), or collection and report of the one that was prepared")
def prepare_command(
    dataset: str | None,
    annotations: tuple[Path, ...],
    protocol: str,
    videos: Path | None,
    out: Path | None,
    title: str,
    val: str | None,
    held_out: int | None,
    seed: int,
    first: int | None,
    columns: dict[str, str],
    fractions: tuple[float, ...],
    follow_links: bool,
    accept_counts: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Make a collection from the annotation files of a data set, by a protocol that others use too.

    Without files it lists data sets, protocols, and the files that they read. Counts are compared with those that were
    published, videos without a file are listed, and nothing is written where something is wrong.

    \b
    laff prepare                                       all data sets and their protocols
    laff prepare msrvtt                                one of them, with the files that it reads
    laff prepare msrvtt annotations --protocol 1k-a --videos MSRVTT/videos --out msrvtt-1k-a
    laff prepare msvd raw-captions.pkl *_list.txt --videos YouTubeClips --out msvd
    laff prepare csv captions.csv --videos clips --column caption=sentence --out mine
    """
    from pipeline.errors import LaffError, near_path, printable
    from pipeline.protocols import known, listing, preparing
    from pipeline.protocols.dataset import Choices
    from pipeline.protocols.writing import COLLECTION

    if not dataset:
        data_sets = [known.named(one) for one in known.names()]
        if as_json:
            print_json([listing.summary(one) for one in data_sets])
        else:
            click.echo(listing.overview(data_sets))
        return
    data_set = known.named(dataset)
    if not annotations:
        if as_json:
            print_json(listing.summary(data_set))
        else:
            click.echo(listing.details(data_set))
        if out or videos:
            raise LaffError(f"name the annotation files of {data_set.name} too, or the folder that holds them")
        return
    if not out:
        raise click.UsageError("Missing option '--out', the folder of the collection")
    if videos and not videos.is_dir():
        raise LaffError(f"--videos {videos}: no such folder{near_path(videos)}")
    choices = Choices(val or "", held_out, seed, first or 0, columns, fractions)
    wish = preparing.Wish(
        data_set,
        data_set.protocol(protocol),
        annotations,
        out,
        videos,
        choices,
        title,
        accept_counts,
        yes,
        follow_links,
        called(),
    )
    report = [printable(line) for line in preparing.prepare(wish)]
    if as_json:
        print_json({"collection": str(out / COLLECTION), "report": report})
    else:
        click.echo("\n".join(report))
