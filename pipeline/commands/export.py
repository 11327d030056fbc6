"""`laff export`: features and vectors written in the formats that others read."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands import complete
from pipeline.commands.options import PATH, OneOf, workspace_options
from pipeline.commands.output import json_option, print_json
from pipeline.commands.shared import Shared

FORMATS = ["bigfile", "npy", "npz", "h5", "parquet", "csv", "visualsearch"]
SHOWN = 5  # items without a row that are named


@click.command(name="export")
@click.argument("names", nargs=-1, required=True, metavar="FEATURE...", shell_complete=complete.FEATURES)
@workspace_options
@click.option("--to", "out", type=PATH, required=True, metavar="DIR", help="A new folder, or an empty one.")
@click.option(
    "--format",
    "form",
    type=OneOf(FORMATS),
    required=True,
    help="bigfile: feature.bin, id.txt, shape.txt. npy: with a list of ids beside it. npz, h5, parquet: one file with "
    "ids and rows. csv: a list of .npy files. visualsearch: a tree with all splits, their lists and captions, as the "
    "LAFF authors' code reads it.",
)
@click.option(
    "--split",
    type=OneOf(["all", "train", "val", "test"]),
    default="all",
    show_default=True,
    help="Whose rows are written.",
)
@click.option("--side", type=OneOf(["video", "text"]), help="Of features of both sides only this one.")
@click.option("--ids", "ids", type=PATH, metavar="FILE", help="Rows of these ids, in this order: a list, or an id.txt.")
@click.option("--yes", is_flag=True, help="Replace DIR where it is an export.")
@json_option("what DIR/export.json holds")
def export_command(
    names: tuple[str, ...],
    out: Path,
    form: str,
    split: str,
    side: str | None,
    ids: Path | None,
    as_json: bool,
    shared: Shared,
) -> None:
    """Write features to the folder DIR, in a format that others read.

    FEATURE is a stage with rows of features, such as x3d, or stored vectors: `vectors`, or vectors/MODEL/seedN. Rows
    are in the collection's order; videos that failed have none and are listed in DIR/export.json, which also says
    where each row comes from. DIR is written whole or not at all.

    \b
    laff export clip-ft x3d -w WORK --to OUT --format npz
    laff export x3d -w WORK --to OUT --format bigfile --split test
    laff export x3d bow -w WORK --to TREE --format visualsearch
    laff export vectors -w WORK --to OUT --format h5
    """
    from pipeline import files
    from pipeline.errors import printable
    from pipeline.exporting import place
    from pipeline.exporting.export import Wanted, export

    if ids and split != "all":
        raise click.UsageError("give one of --split and --ids")
    written = export(shared.request(known=True), Wanted(names, out, form, split, side or "", ids, shared.yes))
    if as_json:
        print_json(files.read_json(out / place.NAME, {}))
        return
    for feature in written.features:
        what = f"{feature['ids']:,} {'captions' if feature['side'] == 'text' else 'videos'}"
        frames = f", {feature['rows']:,} frames" if feature["level"] == "frame" else ""
        file = Path(feature["files"][0])
        shown = file.parent if form in ("bigfile", "visualsearch") else file
        click.echo(f"{out / shown}: {what}{frames}, {feature['width']} numbers, {feature['dtype']}")
        if missing := [printable(item["id"]) for item in feature["missing"]]:
            more = f", … ({len(missing):,})" if len(missing) > SHOWN else ""
            click.echo(f"  without a row: {', '.join(missing[:SHOWN])}{more}; {out / 'export.json'} says why")
