"""Videos of a shard as the decode step left them."""

import math
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import Missing
from pipeline.extraction.decoding import Clip
from pipeline.graph.graph import Stage
from pipeline.graph.options import DecodeOptions
from pipeline.plan.context import Context
from pipeline.plan.units import shard_key
from pipeline.rows import shards


def clips(context: Context, stage: str, shard: int) -> list[Clip]:
    """The clips of a shard for the pass of `stage`; videos that decode could not read keep an empty slot."""
    catalog = context.catalog
    rows = catalog.shards("video")[shard]
    (before, *_) = context.graph.stages_of(context.stage(stage).about.after, context.graph.needed([stage]))
    path = context.work.folder(before.name) / shard_key(before, "video", shard)
    ids = shards.read(path).ids
    packets, fps, expected, by = (shards.column(path, name) for name in ("packets", "fps", "expected", "expected_by"))
    least = before.options_as(DecodeOptions).least
    at = {id_: number for number, id_ in enumerate(ids)}
    videos = []
    for row in rows:
        id_, file = catalog.videos[row], str(Path(catalog.paths[row]).absolute())
        start, end = float(catalog.starts[row]), float(catalog.ends[row])
        if id_ in at:
            number = at[id_]
            frames = int(expected[number])
            needed = math.ceil(least * frames)
            about = (int(packets[number]), float(fps[number]), frames, str(by[number]), needed)
            videos.append(Clip(id_, file, *about, start=start, end=end))
        else:
            videos.append(Clip(id_, file, lost=True, start=start, end=end))
    return videos


def no_decoder(context: Context, stage: Stage) -> list[str]:
    """Why a stage's videos cannot be read here: their decoder is not installed. Empty if it is."""
    reader = context.graph.decoder(stage.name)
    if reader == "pyav" or find_spec(reader):  # every look at a video needs PyAV
        return []
    return [str(Missing(reader, f"decoder={reader} of the decode step"))]
