"""import: copy features that others extracted, from BigFiles, .npz, .npy, .h5, .parquet or CSV, into our shards."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
    items = [row for unit in planned.todo for row in catalog.shards(unit.side)[unit.shard]]
    with progress.bar(stage.name, len(items), "row") as bar:
        names = catalog.ids(options.side, items)
        readers = _readers(paths, options, _prefixes(context, stage))
        imported = readers.take(names)
        _check(
            stage,
            paths,
            readers.ids,
            names,
            imported,
            set(catalog.videos if options.side == "video" else catalog.captions),
        )
        first = 0
        for unit in planned.todo:
            start = time.perf_counter()
            size = len(catalog.shards(unit.side)[unit.shard])
            part = slice(first, first + size)
            first += size
            sound = imported.sound[part]
            kept = [name for name, is_sound in zip(names[part], sound, strict=True) if is_sound]
            failed = [
                ledger.line(name, stage.name, *_reason(sources, imported, first - size + place))
                for place, name in enumerate(names[part])
                if not sound[place]
            ]
            path = context.work.folder(stage.name) / unit.key
            goal = Target(
                stage.name, unit.key, path, None, unit.fingerprint, unit.content, unit.recipe, "cpu", 1, "float32"
            )
            about = attributes(goal, None) | {"source": ", ".join(sources), "level": options.level}
            frames = imported.counts[part][sound] if options.level == "frame" else None
            shards.write(path, kept, imported.values[part][sound], about, failed, frames=frames, order=names[part])
            bar.advance(size)
            record(context, planned, Made(stage.name, unit.key, len(kept), time.perf_counter() - start, failed))


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


def _check(
    stage: Stage,
    paths: Sequence[Path],
    ids_of_files: Sequence[str],
    names: list[str],
    imported: reading.TakenRows,
    known: set[str],
) -> None:
    """Raise LaffError if the files are of other items, or if captions lack a row.

    A video without a row is only noted in the ledger; captions cannot be left out.
    """
    options = stage.options_as(Options)
    files = " and ".join(map(str, paths))
    if names and not imported.sound.any() and not known.intersection(ids_of_files):
        example = f"; its own are such as {min(ids_of_files)!r}" if ids_of_files else ""
        raise LaffError(
            f"'{stage.name}': {files} has a row for none of the {len(known)} ids, such as {names[0]!r}{example}"
        )
    if options.side == "text" and not imported.sound.all():
        reasons = [
            f"{name}: {_reason([*map(str, paths)], imported, place)[0]}"
            for place, name in enumerate(names)
            if not imported.sound[place]
        ]
        raise Problems(reasons).error(f"'{stage.name}'", SHOWN, MEND)


def _reason(sources: Sequence[str], imported: reading.TakenRows, place: int) -> tuple[str, str]:
    """Why an item has no usable row, as a sentence and as the short name of the kind of failure."""
    if not imported.counts[place]:
        return f"no row in {', '.join(sources)}", "Missing"
    source = sources[0 if imported.files is None else imported.files[place]]
    values = f"{imported.odd[place]} of the {imported.values[place].shape[-1] * int(imported.counts[place])} values"
    return f"its row in {source} is not usable: {values} are NaN, inf or too large for float32", "NotFinite"
