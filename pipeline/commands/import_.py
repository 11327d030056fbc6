"""`laff import`: features that others extracted, joined by one command."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.options import COLLECTION, PATH, equations
from pipeline.commands.output import json_option, paper, print_json


@click.command(name="import")
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATH…")
@click.option("--out", type=PATH, required=True, metavar="FOLDER", help="Where stages.yaml and collection.yaml go.")
@COLLECTION
@click.option(
    "--split",
    "splits",
    multiple=True,
    callback=equations,
    metavar="SPLIT=LIST",
    help="Which list of the tree is train, val or test, where its name does not say it; given again for a split, both "
    "are; val=test chooses the best epoch on test.",
)
@click.option(
    "--pair",
    "pairs",
    multiple=True,
    callback=equations,
    metavar="VIDEO=TEXT",
    help="Two features of one image-text model: they enter the fusion untransformed, and are a row of the table.",
)
@json_option("stages, collection, wrote, features (stage, side, level, feature, width, files, rows), pairs, notes")
@click.option("--skip", multiple=True, metavar="FEATURE", help="Leave a feature out, such as one that is broken.")
def import_command(
    paths: tuple[Path, ...],
    out: Path,
    collection: Path | None,
    splits: list[tuple[str, str]],
    pairs: list[tuple[str, str]],
    skip: tuple[str, ...],
    as_json: bool,
) -> None:
    """Join features that others extracted: look at each PATH, and write a stages file that imports and fuses them.

    A PATH is a VisualSearch tree of BigFiles, as the LAFF authors have them, ROOT/COLLECTION/FeatureData/FEATURE, with
    captions and lists (TextData, VideoSets); or the folder of one collection or feature; or a file of features. What
    it is, and which side, level and split a feature is of, is told by content, and what was understood is printed.
    Files are referred to, not copied, and only their headers and ids are read. With -c the features are for the videos
    and captions of that collection, and the tree's own lists do not count.

    \b
    laff import VisualSearch --out FOLDER
    laff run -c FOLDER/collection.yaml --stages FOLDER/stages.yaml -w WORK
    laff import VisualSearch --out FOLDER --split train=msrvtt10ktrain --pair my_clip=my_clip_text
    laff import clip_train.npz clip_test.npz --out FOLDER -c collection.yaml
    laff import clip_tgif.npz clip_msrvtt.npz clip_tv2016.npz --out FOLDER -c collection.yaml
    """
    from pipeline.exchange import importing, report

    lists: dict[str, list[str]] = {}
    for split, name in splits:
        lists.setdefault(split, []).append(name)
    order = importing.Order(paths, out, collection, lists, pairs, skip)
    imported = importing.run(order)
    if as_json:
        print_json(report.summary(imported))
        return
    for line in report.lines(imported, paper()):
        click.echo(line)
