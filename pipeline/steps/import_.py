"""import: features that others extracted, from an .npz file or a BigFile folder, cut into this collection's shards."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline import progress
from pipeline.errors import LaffError
from pipeline.extraction.provenance import attributes
from pipeline.extraction.target import Target
from pipeline.graph.graph import Stage
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit
from pipeline.plan.units import shards as shards_of
from pipeline.rows import bigfile, shards
from pipeline.store import ledger
from pipeline.workers.tasks import Made


@dataclass(frozen=True)
class Options:
    """Parameters of the step."""

    HELP = "Take over features that others extracted."
    ROWS = "side"
    LOSES = True
    MAKES = ("{shard}",)
    FILES = ("file",)
    SHAPED_BY = ("pipeline.rows",)  # of extraction it has the words only that a shard says of itself

    file: str  # an .npz, or a BigFile folder (feature.bin, id.txt, shape.txt)
    side: Literal["video", "text"]  # whether its ids are videos or captions
    array: str = ""  # the array of an .npz; "" if only one is two-dimensional
    ids: str = "ids"  # the array of ids in an .npz
    level: Literal["video", "frame"] = "video"  # frame: an .npz whose `starts` [V + 1] tell each video's rows
    starts: str = "starts"  # that array
    frames: int = 50  # at level frame: as many of a video's first frames at most

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise LaffError(f"frames is {self.frames}; at least one of a video should be taken")
        if self.level == "frame" and self.side == "text":
            raise LaffError("level: frame is for videos; captions have one row each")


def units(context: Context, stage: Stage) -> list[Unit]:
    """A shard for each of the collection's shards of its side."""
    return [unit for side in stage.sides for unit in shards_of(context, stage, side)]


def shape(context: Context, stage: Stage) -> tuple[int, int]:
    """Width as the file's header tells it, and frames as the params do."""
    others = (stage.options["ids"], stage.options["starts"])
    width = bigfile.width(context.path(stage.options["file"]), stage.options["array"], others) or 1
    return width, int(stage.options["frames"])


def run(context: Context, planned: Planned) -> None:
    """Copy the rows of this collection's items; an item without a row goes to the ledger."""
    stage, catalog = context.stage(planned.stage), context.catalog
    options = stage.options
    file = context.path(options["file"])
    if not file.exists():
        raise LaffError(f"'{stage.name}': no such file: {file}")
    wanted = [row for unit in planned.todo for row in catalog.shards(unit.side)[unit.shard]]
    with progress.bar(stage.name, len(wanted), "row") as bar:
        names = catalog.ids(options["side"], wanted)
        values, counts = _read(file, names, options)
        found = counts > 0
        known = set(catalog.videos if options["side"] == "video" else catalog.captions)
        if not found.any() and not known.intersection(bigfile.ids_of(file, options["ids"])):
            raise LaffError(f"'{stage.name}': {file} has a row for none of the {len(known)} ids, such as {names[0]!r}")
        if options["side"] == "text" and not found.all():
            lost = [name for name, there in zip(names, found, strict=True) if not there]
            raise LaffError(f"'{stage.name}': {file} has no row for {len(lost)} captions, such as {lost[0]!r}")
        at = 0
        for unit in planned.todo:
            start = time.perf_counter()
            size = len(catalog.shards(unit.side)[unit.shard])
            part = slice(at, at + size)
            at += size
            here = found[part]
            kept = [name for name, there in zip(names[part], here, strict=True) if there]
            failed = [
                ledger.line(name, stage.name, f"no row in {file.name}", "Missing")
                for name, there in zip(names[part], here, strict=True)
                if not there
            ]
            path = context.work.folder(stage.name) / unit.key
            goal = Target(
                stage.name, unit.key, path, None, unit.fingerprint, unit.content, unit.recipe, "cpu", 1, "float32"
            )
            about = attributes(goal, None) | {"source": file.name, "level": options["level"]}
            frames = counts[part][here] if options["level"] == "frame" else None
            shards.write(path, kept, values[part][here], about, failed, frames=frames)
            bar.advance(size)
            record(context, planned, Made(stage.name, unit.key, len(kept), time.perf_counter() - start, failed))


def _read(file: Path, names: list[str], options: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Values [n, D] of ids, or [n, T, D] at level frame, and how many rows or frames each has [n]; 0: it is missing."""
    if options["level"] == "frame":
        arrays = options["array"], options["ids"], options["starts"]
        return bigfile.read_frames(file, names, options["frames"], *arrays)
    values, found = bigfile.read_rows(file, names, options["array"], options["ids"])
    return values, found.astype(np.int32)
