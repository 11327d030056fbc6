"""The share of each feature in the vectors of videos: as the vectors stage keeps them, or measured on a sample."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.graph.kept import kept, stage_of
from pipeline.graph.models import Row
from pipeline.plan.context import Context
from pipeline.ranking.embed import embed
from pipeline.ranking.shares import names_of, watched
from pipeline.report.inspected import Inspected
from pipeline.rows import flat, shards


@dataclass(frozen=True)
class Shares:
    """Shares of some videos."""

    features: list[str]  # [K]
    values: np.ndarray  # [V, K] float32, 0..1; NaN where a video has none


def kept_shares(context: Context, row: Row, seed: int, videos: Sequence[int]) -> Shares | None:
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


def measured_shares(inspected: Inspected, seed: int, videos: Sequence[int]) -> Shares | None:
    """The same, measured of the model that a report looks into, of the videos in its sample of test."""
    found = inspected.value(f"shares of videos, seed {seed},", lambda: _measured(inspected, seed))
    if isinstance(found, str) or len(found["features"]) < 2:
        return None
    values = np.full((len(videos), len(found["features"])), np.nan, np.float32)
    place = {row: at for at, row in enumerate(videos)}
    for row, of_video in zip(inspected.sample.videos.tolist(), found["thousandths"], strict=True):
        if row in place:
            values[place[row]] = np.array(of_video) / 1000
    return Shares(found["features"], values)


def _measured(inspected: Inspected, seed: int) -> dict[str, Any]:
    """The features that the video side weighs, and thousandths [V][K] of the sample's videos; [] where it has none."""
    subject = inspected.subject
    model: Any = subject.trained(seed)
    if model.scores_pairs:  # and gives a video alone no vector
        return {"features": [], "thousandths": []}
    with watched(model) as calls:
        embed(model.embed_video, subject.test.video_rows, subject.test.videos)
    if not calls or subject.test.videos != len(inspected.sample.videos):
        return {"features": [], "thousandths": []}
    return {
        "features": names_of(model.video),
        "thousandths": np.rint(np.concatenate(calls) * 1000).astype(int).tolist(),
    }
