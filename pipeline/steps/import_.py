"""import: copy features that others extracted, from BigFiles, .npz, .npy, .h5, .parquet or CSV, into our shards."""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline import progress
from pipeline.errors import LaffError, Problems, meant
from pipeline.extraction.provenance import attributes
from pipeline.extraction.target import Target
from pipeline.graph.graph import Stage
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit
from pipeline.plan.units import shards as shards_of
from pipeline.rows import kinds, reading, shards
from pipeline.rows.items import Layout
from pipeline.store import ledger
from pipeline.workers.tasks import Made

AT_ONCE = 1 << 30  # bytes of rows in memory at once; an .npz is read once for each such part
SHOWN = 100  # captions without a usable row that an error lists one by one
MEND = "captions cannot be left out: extract the feature anew for these, or fuse without it (--set 'train.from=[…]')"


@dataclass(frozen=True)
class Options:
    """Parameters of the step."""

    HELP = "Take over features that others extracted."
    ROWS = "side"
    LOSES = True
    MAKES = ("{shard}",)
    FILES = ("file",)
    LATER = ("of",)
    SHAPED_BY = ("pipeline.rows",)  # extraction only gives it the attributes of a shard

    file: (
        str | list[str]
    )  # a BigFile folder, an .npz, .npy, .h5, .parquet, or a .csv list of .npy; or several, such as one per split
    side: Literal["video", "text"]  # whether its ids are videos or captions
    array: str = ""  # the array, dataset or column with the rows; "" if only one can be it
    ids: str = "ids"  # that with the ids
    level: Literal["video", "frame"] = "video"  # frame: rows are frames of videos, as the file says
    starts: str = "starts"  # the array [V + 1] that says where the frames of each video begin
    frames: int = 50  # at level frame: first frames of a video to take, at most
    # Of a collection that is made of others: whose ids each file has, by the names of the collections; "": its own.
    of: str | list[str] = ""

    def __post_init__(self) -> None:
        if not self.file or (isinstance(self.file, list) and len(set(self.file)) < len(self.file)):
            raise LaffError(
                f"file is {self.file!r}; it should name a file or a BigFile folder, or several different ones"
            )
        if self.of and len(_listed(self.of)) != len(_listed(self.file)):
            raise LaffError(f"of is {self.of!r}; it should name a collection for each file, {len(_listed(self.file))}")
        if self.frames < 1:
            raise LaffError(f"frames is {self.frames}; at least one of a video should be taken")
        if self.level == "frame" and self.side == "text":
            raise LaffError("level: frame is for videos; captions have one row each")


def units(context: Context, stage: Stage) -> list[Unit]:
    """One shard for each of the collection's shards of its side."""
    return [unit for side in stage.sides for unit in shards_of(context, stage, side)]


def problems(context: Context, stage: Stage) -> list[str]:
    """Files that are missing, pipes in place of files, and files of unknown collections."""
    paths = _files(context, stage)
    pipes = [f"'{stage.name}': {path} is {kinds.PIPE}; {kinds.WANTED}" for path in paths if kinds.waits(path)]
    return (
        [f"'{stage.name}': no such file: {path}" for path in paths if not path.exists()]
        + pipes
        + _unknown(context, stage)
    )


def shape(context: Context, stage: Stage) -> tuple[int, int]:
    """Width, from the headers of the files, and number of frames, from the params."""
    options = stage.options_as(Options)
    widths = [
        reading.width(file, options.array, (options.ids, options.starts), options.level)
        for file in _files(context, stage)
    ]
    return max(widths) or 1, options.frames


def run(context: Context, planned: Planned) -> None:
    """Copy the rows of this collection's items; an item without a usable row goes to the ledger."""
    stage, catalog = context.stage(planned.stage), context.catalog
    options = stage.options_as(Options)
    paths = _files(context, stage)
    if absent := problems(context, stage):
        raise LaffError(absent[0])
    sources = _short(paths)
    sizes = [len(catalog.shards(unit.side)[unit.shard]) for unit in planned.todo]
    ends = np.cumsum([0, *sizes]).tolist()
    items = [row for unit in planned.todo for row in catalog.shards(unit.side)[unit.shard]]
    with progress.bar(stage.name, len(items), "rows") as bar:
        names = catalog.ids(options.side, items)
        readers = _readers(paths, options, _prefixes(context, stage))
        _check_ids(
            stage, paths, readers.ids, names, set(catalog.videos if options.side == "video" else catalog.captions)
        )
        groups = _groups(sizes, 4 * math.prod(shape(context, stage)))

        def read() -> Iterator[reading.TakenRows]:
            return (readers.take(names[ends[group[0]] : ends[group[-1] + 1]]) for group in groups)

        whole = [*read()] if len(groups) == 1 else None  # small enough to be read once
        if options.side == "text":
            _check_captions(stage, paths, names, whole or read())
        for group, imported in zip(groups, whole or read(), strict=True):
            for number in group:
                start = time.perf_counter()
                unit, members = planned.todo[number], names[ends[number] : ends[number + 1]]
                part = slice(ends[number] - ends[group[0]], ends[number + 1] - ends[group[0]])
                sound = imported.sound[part]
                kept = [name for name, is_sound in zip(members, sound, strict=True) if is_sound]
                failed = [
                    ledger.line(name, stage.name, *_reason(sources, imported, part.start + place))
                    for place, name in enumerate(members)
                    if not sound[place]
                ]
                path = context.work.folder(stage.name) / unit.key
                goal = Target(
                    stage.name, unit.key, path, None, unit.fingerprint, unit.content, unit.recipe, "cpu", 1, "float32"
                )
                about = attributes(goal, None) | {"source": ", ".join(sources), "level": options.level}
                frames = imported.counts[part][sound] if options.level == "frame" else None
                shards.write(path, kept, imported.values[part][sound], about, failed, frames=frames, order=members)
                bar.advance(len(members))
                record(context, planned, Made(stage.name, unit.key, len(kept), time.perf_counter() - start, failed))


def _groups(sizes: Sequence[int], row_bytes: int) -> list[list[int]]:
    """The numbers of shards that are read together: as many as fit into AT_ONCE, in order.

    sizes: items of each shard; row_bytes: of an item in memory.
    """
    groups: list[list[int]] = []
    left = 0
    for number, size in enumerate(sizes):
        if not groups or size * row_bytes > left:
            groups.append([])
            left = AT_ONCE
        groups[-1].append(number)
        left -= size * row_bytes
    return groups


def _files(context: Context, stage: Stage) -> list[Path]:
    """The files that the stage reads."""
    return [context.path(name) for name in _listed(stage.options_as(Options).file)]


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _collections(context: Context) -> dict[str, str]:
    """What the ids of each collection begin with, by its name, and those of the whole, by ''."""
    collection = context.collection
    return {"": "", context.name: ""} | (collection.prefixes if collection else {})


def _unknown(context: Context, stage: Stage) -> list[str]:
    """A sentence for each collection of `of` that this one is not made of."""
    known = _collections(context)
    return [
        f"'{stage.name}': of names '{name}', which the collection is not made of{meant(name, [*filter(None, known)])}"
        for name in _listed(stage.options_as(Options).of)
        if name not in known
    ]


def _prefixes(context: Context, stage: Stage) -> list[str]:
    """What the ids of each file begin with in the collection; [] for nothing."""
    of, known = stage.options_as(Options).of, _collections(context)
    return [known[name] for name in _listed(of)] if of else []


def _short(paths: Sequence[Path]) -> list[str]:
    """The names of the files; where two are called alike, as BigFiles of splits are, with folders until they differ."""
    for count in range(1, max(len(path.parts) for path in paths)):
        names = ["/".join(path.parts[-count:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [*map(str, paths)]


def _readers(paths: Sequence[Path], options: Options, prefixes: Sequence[str]) -> reading.Readers:
    """What reads the rows of these files."""
    layout = Layout(options.array, options.ids, options.starts, frames=options.level == "frame")
    return reading.Readers(paths, layout, options.frames, prefixes)


def _check_ids(
    stage: Stage, paths: Sequence[Path], ids_of_files: Sequence[str], names: Sequence[str], known: set[str]
) -> None:
    """Raise LaffError if the files are of other items."""
    if names and not known.intersection(ids_of_files):
        files = " and ".join(map(str, paths))
        example = f"; its own are such as {min(ids_of_files)!r}" if ids_of_files else ""
        raise LaffError(
            f"'{stage.name}': {files} has a row for none of the {len(known)} ids, such as {names[0]!r}{example}"
        )


def _check_captions(
    stage: Stage, paths: Sequence[Path], names: Sequence[str], parts: Iterable[reading.TakenRows]
) -> None:
    """Raise LaffError about all captions without a usable row, for captions cannot be left out, as videos can."""
    reasons, first = [], 0
    for part in parts:
        for place in np.flatnonzero(~part.sound).tolist():
            reasons.append(f"{names[first + place]}: {_reason([*map(str, paths)], part, place)[0]}")
        first += len(part.counts)
    if reasons:
        raise Problems(reasons).error(f"'{stage.name}'", SHOWN, MEND)


def _reason(sources: Sequence[str], imported: reading.TakenRows, place: int) -> tuple[str, str]:
    """Why an item has no usable row, as a sentence and as the short name of the kind of failure."""
    if not imported.counts[place]:
        return f"no row in {', '.join(sources)}", "Missing"
    source = sources[0 if imported.files is None else imported.files[place]]
    values = f"{imported.odd[place]} of the {imported.values[place].shape[-1] * int(imported.counts[place])} values"
    return f"its row in {source} is not usable: {values} are NaN, inf or too large for float32", "NotFinite"
