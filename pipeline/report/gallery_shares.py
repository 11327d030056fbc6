"""The share of each feature in the vectors of videos, as the vectors stage keeps them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.graph.kept import kept, stage_of
from pipeline.graph.models import Row
from pipeline.plan.context import Context
from pipeline.rows import flat, shards


@dataclass(frozen=True)
class Shares:
    """Shares of some videos."""

    features: list[str]  # [K]
    values: np.ndarray  # [V, K] float32, 0..1; NaN where a video has none


def shares(context: Context, row: Row, seed: int, videos: Sequence[int]) -> Shares | None:
    """The shares of catalog rows, by the model of a row of results with a seed; None where none are kept."""
    stage = stage_of(context.graph)
    if stage is None or len(row.models) != 1:
        return None
    of_row = [one for one in kept(context.graph, stage) if one.model == row.models[0] and one.seed == seed]
    if not of_row:
        return None
    features: list[str] = []
    values = np.zeros((len(videos), 0), np.float32)
    shard_of = np.asarray(context.catalog.video_shard)[list(videos)]
    for number in np.unique(shard_of).tolist():
        path = context.work.folder(stage.name) / of_row[0].key / f"{number:05d}.h5"
        if not path.is_file():  # no video of it has all features
            continue
        with flat.opened(path) as file:
            if "shares" not in file:  # the model weighs no features
                return None
            names, kept_values = json.loads(file.attrs["features"]), file["shares"][:]
        if not features:
            features, values = names, np.full((len(videos), len(names)), np.nan, np.float32)
        row_of = {id_: place for place, id_ in enumerate(shards.read_ids(path))}
        for place in np.flatnonzero(shard_of == number).tolist():
            if (at := row_of.get(context.catalog.videos[videos[place]])) is not None:
                values[place] = kept_values[at]
    return Shares(features, values) if len(features) > 1 else None
