"""import: features that others extracted, from .npz files or BigFile folders, cut into this collection's shards."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline import progress
from pipeline.errors import LaffError
from pipeline.errors import problems as told
from pipeline.extraction.provenance import attributes
from pipeline.extraction.target import Target
from pipeline.graph.graph import Stage
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit
from pipeline.plan.units import shards as shards_of
from pipeline.rows import bigfile, kinds, shards
from pipeline.store import ledger
from pipeline.workers.tasks import Made

SHOWN = 100  # captions without a usable row that are told one by one


@dataclass(frozen=True)
class Options:
    """Parameters of the step."""

    HELP = "Take over features that others extracted."
    ROWS = "side"
    LOSES = True
    MAKES = ("{shard}",)
    FILES = ("file",)
    SHAPED_BY = ("pipeline.rows",)  # of extraction it has the words only that a shard says of itself

    file: str | list[str]  # an .npz, or a BigFile folder (feature.bin, id.txt, shape.txt); or several, as one a split
    side: Literal["video", "text"]  # whether its ids are videos or captions
    array: str = ""  # the array of an .npz; "" if only one is two-dimensional
    ids: str = "ids"  # the array of ids in an .npz
    level: Literal["video", "frame"] = "video"  # frame: an .npz whose `starts` [V + 1] tell each video's rows
    starts: str = "starts"  # that array
    frames: int = 50  # at level frame: as many of a video's first frames at most

    def __post_init__(self) -> None:
        if not self.file or (isinstance(self.file, list) and len(set(self.file)) < len(self.file)):
            raise LaffError(
                f"file is {self.file!r}; it should name an .npz or a BigFile folder, or several different ones"
            )
        if self.frames < 1:
            raise LaffError(f"frames is {self.frames}; at least one of a video should be taken")
        if self.level == "frame" and self.side == "text":
            raise LaffError("level: frame is for videos; captions have one row each")


def units(context: Context, stage: Stage) -> list[Unit]:
    """A shard for each of the collection's shards of its side."""
    return [unit for side in stage.sides for unit in shards_of(context, stage, side)]


def problems(context: Context, stage: Stage) -> list[str]:
    """Files that are not there, or no files."""
    paths = _files(context, stage)
    pipes = [f"'{stage.name}': {path} is {kinds.PIPE}; {kinds.WANTED}" for path in paths if kinds.waits(path)]
    return [f"'{stage.name}': no such file: {path}" for path in paths if not path.exists()] + pipes


def shape(context: Context, stage: Stage) -> tuple[int, int]:
    """Width as the files' headers tell it, and frames as the params do."""
    options = stage.options_as(Options)
    widths = [bigfile.width(file, options.array, (options.ids, options.starts)) for file in _files(context, stage)]
    return max(widths) or 1, options.frames


def run(context: Context, planned: Planned) -> None:
    """Copy the rows of this collection's items; an item without a row, or with a bad one, goes to the ledger."""
    stage, catalog = context.stage(planned.stage), context.catalog
    options = stage.options_as(Options)
    paths = _files(context, stage)
    if lost := problems(context, stage):
        raise LaffError(lost[0])
    sources = [path.name for path in paths]
    wanted = [row for unit in planned.todo for row in catalog.shards(unit.side)[unit.shard]]
    with progress.bar(stage.name, len(wanted), "row") as bar:
        names = catalog.ids(options.side, wanted)
        taken = _read(paths, names, options)
        _check(stage, paths, names, taken, set(catalog.videos if options.side == "video" else catalog.captions))
        at = 0
        for unit in planned.todo:
            start = time.perf_counter()
            size = len(catalog.shards(unit.side)[unit.shard])
            part = slice(at, at + size)
            at += size
            here = taken.sound[part]
            kept = [name for name, sound in zip(names[part], here, strict=True) if sound]
            failed = [
                ledger.line(name, stage.name, *_reason(sources, taken, at - size + place))
                for place, name in enumerate(names[part])
                if not here[place]
            ]
            path = context.work.folder(stage.name) / unit.key
            goal = Target(
                stage.name, unit.key, path, None, unit.fingerprint, unit.content, unit.recipe, "cpu", 1, "float32"
            )
            about = attributes(goal, None) | {"source": ", ".join(sources), "level": options.level}
            frames = taken.counts[part][here] if options.level == "frame" else None
            shards.write(path, kept, taken.values[part][here], about, failed, frames=frames, order=names[part])
            bar.advance(size)
            record(context, planned, Made(stage.name, unit.key, len(kept), time.perf_counter() - start, failed))


def _files(context: Context, stage: Stage) -> list[Path]:
    file = stage.options_as(Options).file
    return [context.path(name) for name in (file if isinstance(file, list) else [file])]


def _read(paths: Sequence[Path], names: list[str], options: Options) -> bigfile.TakenRows:
    def one(path: Path, wanted: list[str]) -> bigfile.TakenRows:
        if options.level == "frame":
            arrays = options.array, options.ids, options.starts
            return bigfile.read_frames(path, wanted, options.frames, *arrays)
        return bigfile.read_rows(path, wanted, options.array, options.ids)

    return one(paths[0], names) if len(paths) == 1 else bigfile.join(paths, names, options.ids, one)


def _check(stage: Stage, paths: Sequence[Path], names: list[str], taken: bigfile.TakenRows, known: set[str]) -> None:
    """LaffError where the files are of other items, or where captions lack a row: these cannot be lost one by one."""
    shown = " and ".join(map(str, paths))
    theirs = {id_ for path in paths for id_ in bigfile.ids_of(path, stage.options_as(Options).ids)} if names else known
    if not taken.sound.any() and not known.intersection(theirs):
        own = f"; its own are such as {min(theirs)!r}" if theirs else ""
        raise LaffError(
            f"'{stage.name}': {shown} has a row for none of the {len(known)} ids, such as {names[0]!r}{own}"
        )
    if stage.options_as(Options).side == "text" and not taken.sound.all():
        lost = [
            f"{name}: {_reason([*map(str, paths)], taken, place)[0]}"
            for place, name in enumerate(names)
            if not taken.sound[place]
        ]
        raise told(f"'{stage.name}'", lost[:SHOWN] + ([f"… and {len(lost) - SHOWN} more"] if len(lost) > SHOWN else []))


def _reason(sources: Sequence[str], taken: bigfile.TakenRows, place: int) -> tuple[str, str]:
    """Why an item has no row, and its short name."""
    if not taken.counts[place]:
        return f"no row in {', '.join(sources)}", "Missing"
    source = sources[0 if taken.files is None else taken.files[place]]
    values = f"{taken.odd[place]} of the {taken.values[place].shape[-1] * int(taken.counts[place])} values"
    return f"its row in {source} is not usable: {values} are NaN, inf or too large for float32", "NotFinite"
