"""Vectors of one shard of videos, made and written: a task that any process does from what the workspace holds."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import files
from pipeline.assembly import assemble, features
from pipeline.errors import LaffError
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.kept import Kept
from pipeline.graph.options import VectorOptions
from pipeline.items import table
from pipeline.plan.context import Context
from pipeline.plan.units import Unit
from pipeline.ranking.embed import embed_videos
from pipeline.ranking.scores import normalised
from pipeline.ranking.shares import names_of, watched
from pipeline.rows import shards
from pipeline.store.workspace import Workspace
from pipeline.workers.tasks import Made
from pipeline.workers.worker import Worker

if TYPE_CHECKING:
    from fusion.spaces import Spaces


@dataclass
class Storing:
    """What a process needs to compute and write the vectors of one shard; small, because it is sent through dask."""

    graph: Graph
    root: Path  # the folder of the workspace
    places: dict[str, str]  # {stage: its folder, below `root`}
    source: Path  # the collection.yaml
    table: str  # digest of the table of items, to notice a newer one
    stage: str
    train: Stage | None
    kept: Kept
    unit: Unit
    dtype: str


class Ready:
    """The table of a workspace and the last model, which a process keeps from one shard to the next."""

    def __init__(self) -> None:
        """Start without a table and a model."""
        self._context: Context | None = None
        self._model: Spaces | None = None
        self._context_name = self._model_name = ""  # which table and which model these are

    def context(self, job: Storing) -> Context:
        """The context of the job."""
        name = f"{job.root} {job.table} {sorted(job.places.items())}"
        if self._context is None or name != self._context_name:
            items = table.read(job.root / "ingest" / "table.h5")[0]
            self._context = Context(job.graph, items, Workspace(job.root, job.places))
            self._context.source = job.source
            self._context_name, self._model = name, None
        return self._context

    def model(self, job: Storing, context: Context, train: Stage) -> Spaces:
        """The trained model of the job."""
        name = f"{job.kept.key} {job.unit.fingerprint}"
        if self._model is None or name != self._model_name:
            assert job.kept.model is not None
            encoders = assemble.joints(context, train)
            self._model = assemble.trained_alone(context, train, job.kept.model, encoders, job.kept.seed)
            self._model_name = name
        return self._model


def store(job: Storing, worker: Worker) -> Made:
    """Embed the videos of one shard and write their vectors. Runs in any process.

    LaffError if a value is not finite after it is converted to the type of the file.
    """
    import torch

    torch.set_num_threads(job.graph.threads)
    start = time.perf_counter()
    ready = worker.kept(Ready)
    context = ready.context(job)
    videos = context.catalog.shards("video")[job.unit.shard]
    about: dict[str, Any] = {
        "fingerprint": job.unit.fingerprint,
        "content": job.unit.content,
        "recipe": json.dumps(job.unit.recipe, sort_keys=True),
        "stage": job.stage,
        "model": job.kept.name,
        "seed": job.kept.seed,
    }
    extra: dict[str, np.ndarray] = {}
    if job.kept.model is None or job.train is None:
        values, covered = features.read(context, job.kept.name, "video", videos)
        vectors = normalised(np.asarray(values)[covered]).numpy()
    else:
        model = ready.model(job, context, job.train)
        vectors, covered, shares = _embedded(context, job.kept, model, videos)
        if shares is not None:
            extra["shares"] = shares
            about["features"] = json.dumps(names_of(model.video))
    ids = context.catalog.ids("video", videos[covered])
    stored = vectors.astype(job.dtype)
    if not np.isfinite(stored).all():
        lost = ids[int(np.argmin(np.isfinite(stored).all(axis=1)))]
        raise LaffError(f"{job.stage}: the vector of '{lost}' by {job.kept.key} holds values that are no {job.dtype}")
    shards.write(job.root / job.places.get(job.stage, job.stage) / job.unit.key, ids, stored, about, extra=extra)
    worker.advance(len(videos))
    return Made(job.stage, job.unit.key, len(ids), time.perf_counter() - start)


def _embedded(
    context: Context, kept: Kept, model: Spaces, videos: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Vectors [m, W] of the covered videos, [n] bool: which of the n videos are covered, shares [m, K] or None."""
    from fusion.features import take

    assert kept.model is not None
    features_of, covered = assemble.videos_of(context, kept.model, videos)
    if model.scores_pairs:
        raise LaffError(f"'{kept.name}' scores pairs, so no video has a vector; take it out of `models`")
    with watched(model) as shares:
        vectors = embed_videos(
            model.embed_video,
            lambda rows: {name: take(feature, rows) for name, feature in features_of.items()},
            int(covered.sum()),
        )
    if not len(vectors):
        return np.zeros((0, 0), np.float32), covered, None
    each = np.concatenate(shares) if shares else np.zeros((0, 0), np.float32)  # with those that fill the last block
    return vectors.numpy(), covered, each[: len(vectors)] if len(each) >= len(vectors) else None


def job_of(context: Context, stage: Stage, train: Stage | None, kept: Kept, unit: Unit) -> Storing:
    """The task that makes a unit of a vectors stage."""
    return Storing(
        graph=context.graph,
        root=context.work.root.absolute(),
        places=context.work.places,
        source=context.source.absolute(),
        table=files.digest(context.catalog.contents),
        stage=stage.name,
        train=train,
        kept=kept,
        unit=unit,
        dtype=stage.options_as(VectorOptions).dtype,
    )
