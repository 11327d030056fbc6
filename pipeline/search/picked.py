"""Cached video features of some videos: of a few among many, single rows are read and not whole shards."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pipeline.assembly import assemble
from pipeline.errors import LaffError
from pipeline.graph.models import Model
from pipeline.plan.context import Context
from pipeline.plan.units import shard_key
from pipeline.rows import flat, shards
from pipeline.rows.flat import Flat

if TYPE_CHECKING:
    from fusion.features import Feature

FEW = 1 / 4  # of all videos: more are read by whole shards, which checks their sums


class Picked:
    """The video features that a model reads; where rows lie is remembered."""

    def __init__(self, context: Context, model: Model) -> None:
        """Take the surroundings; nothing is read."""
        self._context, self._model = context, model
        self._flat: dict[tuple[str, int], tuple[Flat, np.ndarray]] = {}  # feature and shard -> its rows, catalog rows

    def features(self, rows: np.ndarray) -> dict[str, Feature]:
        """The features, n rows each, of the catalog rows [n]. LaffError where one has no row any more."""
        import torch

        if len(rows) < FEW * len(self._shard_of) and not self._model.frames:
            try:
                return {name: torch.from_numpy(self._rows(name, rows)) for name in self._model.video}
            except LaffError:  # sparse, of frames, or damaged: whole shards are read, and say what is wrong
                pass
        features, covered = assemble.videos_of(self._context, self._model, rows)
        if not covered.all():
            [lost, *_] = self._context.catalog.ids("video", rows[~covered])
            raise LaffError(f"the features of '{lost}' are gone since its vector was made: run `laff run` again")
        return features

    @cached_property
    def _shard_of(self) -> np.ndarray:
        return np.asarray(self._context.catalog.video_shard, np.int64)

    def _rows(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Rows [n, D] float32 of a feature."""
        values: np.ndarray | None = None
        shard_of = self._shard_of[rows]
        for number in np.unique(shard_of).tolist():
            source, members = self._lies(name, number)
            if values is None:
                values = np.empty((len(rows), source.width), np.float32)
            room = np.empty((1, source.width), source.dtype)
            places = {row: at for at, row in enumerate(members.tolist())}
            for place in np.flatnonzero(shard_of == number).tolist():
                if int(rows[place]) not in places:
                    raise LaffError(f"{source.path}: a row is gone")
                source.read(places[int(rows[place])], room)
                values[place] = room[0]
        assert values is not None
        return values

    def _lies(self, name: str, number: int) -> tuple[Flat, np.ndarray]:
        """Where the rows of a shard lie, and the catalog rows that they are of."""
        if (name, number) not in self._flat:
            catalog, stage = self._context.catalog, self._context.stage(name)
            members = catalog.shards("video")[number]
            source = flat.of_shard(self._context.work.folder(name) / shard_key(stage, "video", number))
            if source.rows != len(members):  # some have no row
                members = np.array([catalog.row[id_] for id_ in shards.read_ids(source.path)], np.int64)
            self._flat[name, number] = source, members
        return self._flat[name, number]
