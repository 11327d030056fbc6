"""Writes features into a folder, whole or not at all: each in a format of its own, or all as a VisualSearch tree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.exporting import bigfile, feature_list, hdf5, id_lists, npy, npz, parquet, place, tree
from pipeline.exporting.chosen import Chosen, check_made, choose
from pipeline.exporting.table import Table
from pipeline.extraction import provenance
from pipeline.files import JsonObject
from pipeline.items.catalog import SIDES, Catalog
from pipeline.opening import open_context
from pipeline.plan.context import Context
from pipeline.request import Request

TREE = "visualsearch"
Writer = Callable[[Table, Path, str], list[str]]  # writes a table to a folder under a name; returns its files
WRITERS: dict[str, Writer] = {
    "bigfile": bigfile.write,
    "npy": npy.write,
    "npz": npz.write,
    "h5": hdf5.write,
    "parquet": parquet.write,
    "csv": feature_list.write,
}
SIDE_WORDS = {"video": "videos", "text": "captions"}


@dataclass(frozen=True)
class Wanted:
    """What is exported, and how."""

    names: Sequence[str]  # features, or stored vectors
    out: Path
    format: str  # one of WRITERS, or TREE
    split: str = "all"
    side: str = ""  # of features of both sides only this one
    ids: Path | None = None  # a list of the items, in the order of the rows
    again: bool = False  # whether an export that is there is replaced


@dataclass(frozen=True)
class Part:
    """What is written together: all, or a split of a tree."""

    rows: dict[str, np.ndarray]  # catalog rows of each side
    write: Writer
    split: str = ""  # of a tree
    name: str = ""  # of the split's collection in the tree


@dataclass
class Written:
    """A finished export."""

    features: list[JsonObject] = field(default_factory=list)  # as export.json has them
    lists: list[str] = field(default_factory=list)  # files of ids and captions


def export(request: Request, wanted: Wanted) -> Written:
    """Write the features to the folder `wanted.out`.

    LaffError where a name means nothing, something is not up to date, or the folder is in use.
    """
    if wanted.format == "parquet":
        parquet.check()
    place.check(wanted.out, request.work, wanted.again)
    context = open_context(request)
    chosen = choose(context.graph, wanted.names, wanted.side)
    parts = _parts(context, chosen, wanted)
    for part in parts:
        check_made(context, chosen, part.rows)
    written = Written()
    with files.whole_folder(wanted.out) as folder:
        for part in parts:
            if part.split:
                written.lists += tree.write_lists(context.catalog, part.split, part.name, folder)
            for one in chosen:
                if part.split and not len(part.rows[one.side]):  # such as the captions of a split that has none
                    progress.say(f"{one.name}: {part.name} has no {SIDE_WORDS[one.side]}, so no row of it")
                else:
                    written.features.append(_write(context, one, part.rows[one.side], folder, part.write))
        held = [*written.lists, *(name for feature in written.features for name in feature["files"])]
        about = {"export": place.FORMAT, "format": wanted.format, "collection": context.name, "laff": provenance.laff()}
        files.write_json(folder / place.NAME, about | {"files": held, "features": written.features})
    return written


def _parts(context: Context, chosen: Sequence[Chosen], wanted: Wanted) -> list[Part]:
    """What is written one after the other: all as one, or a tree split by split."""
    if wanted.format != TREE:
        return [Part(_rows(context, chosen, wanted), WRITERS[wanted.format])]
    if wanted.ids:
        raise LaffError("a VisualSearch tree has the splits' own order, so it takes no --ids")
    catalog = context.catalog
    splits = tree.splits_of(catalog) if wanted.split == "all" else [wanted.split]
    parts: list[Part] = []
    for split in splits:
        rows = {side: _split_rows(catalog, side, split) for side in SIDES}
        if not len(rows["video"]):
            raise LaffError(f"{context.name} has no videos in {split}, so there is no tree of it")
        name = tree.collection(context.name, split)
        parts.append(Part(rows, partial(tree.write_feature, name), split, name))
    return parts


def _rows(context: Context, chosen: Sequence[Chosen], wanted: Wanted) -> dict[str, np.ndarray]:
    """The catalog rows of each side, in the order in which they are written."""
    catalog, sides = context.catalog, {one.side for one in chosen}
    if not wanted.ids:
        return {side: _split_rows(catalog, side, wanted.split) for side in sides}
    if len(sides) > 1:
        raise LaffError("--ids lists videos or captions, and these features are of both: give --side too")
    side = sides.pop()
    known = catalog.row if side == "video" else {id_: row for row, id_ in enumerate(catalog.captions)}
    return {side: np.array(id_lists.read(wanted.ids, known), np.int64)}


def _split_rows(catalog: Catalog, side: str, split: str) -> np.ndarray:
    """The catalog rows of a split, in the collection's order; queries are texts of test."""
    if split == "all":
        return np.arange(len(catalog.videos if side == "video" else catalog.captions))
    if side == "video":
        return catalog.split_videos(split)
    captions = catalog.split_captions(split)
    return np.union1d(captions, catalog.queries()) if split == "test" else captions


def _write(context: Context, chosen: Chosen, rows: np.ndarray, folder: Path, write: Writer) -> JsonObject:
    """Write a feature; returns what export.json says of it."""
    if not len(rows):
        raise LaffError(f"{chosen.name}: the collection has no {SIDE_WORDS[chosen.side]} there, so there is no row")
    with progress.bar(chosen.name, len(rows), "rows") as bar:
        table = Table(context, chosen, rows, bar.advance)
        if table.sparse and write is not npz.write:
            size = table.count * table.width * 4 / 1e6
            progress.say(f"{table.name}: its sparse rows become dense, {size:,.0f} MB; --format npz keeps them sparse")
        return place.describe(table, write(table, folder, table.name))
