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
    """The vectors that the stage keeps of a model with a seed, where they are float32; else None.

    Ranks are counted from float32 alone.
    """
    if stage.options_as(VectorOptions).dtype != "float32":
        return None
    every = kept(context.graph, stage)
    return next((vectors for vectors in every if vectors.model == model and vectors.seed == seed), None)


def read(context: Context, stage: Stage, kept_vectors: Kept, videos: np.ndarray) -> "Tensor":
    """The kept vectors [n, W] float32 of catalog rows [n]; LaffError where one has none."""
    import torch

    catalog, vectors = context.catalog, None
    shard_of = np.asarray(catalog.video_shard, dtype=np.int64)[videos]
    for number in np.unique(shard_of):
        path = context.work.folder(stage.name) / kept_vectors.key / f"{number:05d}.h5"
        shard = shards.read(path)
        row_of = {id_: row for row, id_ in enumerate(shard.ids)}
        places = np.flatnonzero(shard_of == number)
        names = catalog.ids("video", videos[places])
        if lost := [name for name in names if name not in row_of]:
            raise LaffError(f"{path}: has no vector of '{lost[0]}'; delete the file and run again")
        vectors = np.empty((len(videos), shard.values.shape[1]), np.float32) if vectors is None else vectors
        vectors[places] = shard.values[[row_of[name] for name in names]]
    return torch.from_numpy(np.zeros((0, 0), np.float32) if vectors is None else vectors)
