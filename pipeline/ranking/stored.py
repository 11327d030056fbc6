"""Vectors of videos that a vectors stage has kept, read back by video."""

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import LaffError
from pipeline.graph.graph import Stage
from pipeline.graph.kept import Kept, kept
from pipeline.graph.models import Model
from pipeline.graph.options import VectorOptions
from pipeline.plan.context import Context
from pipeline.rows import shards

if TYPE_CHECKING:
    from torch import Tensor


def of_model(context: Context, stage: Stage, model: Model, seed: int) -> Kept | None:
    """What the stage keeps of a model with a seed in float32, which is what ranks are counted from; else None."""
    if stage.options_as(VectorOptions).dtype != "float32":
        return None
    return next((one for one in kept(context.graph, stage) if one.model == model and one.seed == seed), None)


def rows(context: Context, stage: Stage, one: Kept, videos: np.ndarray) -> "Tensor":
    """The vectors [n, W] float32 of catalog rows [n]; LaffError where one has none."""
    import torch

    catalog, found = context.catalog, None
    shard_of = np.asarray(catalog.video_shard, dtype=np.int64)[videos]
    for number in np.unique(shard_of):
        path = context.work.folder(stage.name) / one.key / f"{number:05d}.h5"
        shard = shards.read(path)
        at = {id_: row for row, id_ in enumerate(shard.ids)}
        here = np.flatnonzero(shard_of == number)
        names = catalog.ids("video", videos[here])
        if lost := [name for name in names if name not in at]:
            raise LaffError(f"{path}: has no vector of '{lost[0]}'; delete the file and run again")
        found = np.empty((len(videos), shard.values.shape[1]), np.float32) if found is None else found
        found[here] = shard.values[[at[name] for name in names]]
    return torch.from_numpy(np.zeros((0, 0), np.float32) if found is None else found)
