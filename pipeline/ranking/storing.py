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
    """What a process needs to know to keep the vectors of one shard; small, because it goes through dask."""

    graph: Graph
    root: Path  # the workspace,
    places: dict[str, str]  # and where stages stand in it, as it says
    source: Path  # collection.yaml
    table: str  # tells the table of items from an earlier one
    stage: str
    train: Stage | None
    kept: Kept
    unit: Unit
    dtype: str


class Ready:
    """The table of a workspace and the last model, kept from one shard to the next."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def context(self, job: Storing) -> Context:
        """The surroundings of the job."""
        name = f"context {job.root} {job.table} {sorted(job.places.items())}"
        if name not in self._known:
            items = table.read(job.root / "ingest" / "table.h5")[0]
            context = Context(job.graph, items, Workspace(job.root, job.places))
            context.source = job.source
            self._known = {name: context}
        found: Context = self._known[name]
        return found

    def model(self, job: Storing, context: Context, train: Stage) -> Spaces:
        """The trained model of the job."""
        name = f"model {job.kept.key} {job.unit.fingerprint}"
        if name not in self._known:
            assert job.kept.model is not None
            self._known = {key: value for key, value in self._known.items() if not key.startswith("model ")}
            encoders = assemble.joints(context, train)
            self._known[name] = assemble.trained_alone(context, train, job.kept.model, encoders, job.kept.seed)
        found: Spaces = self._known[name]
        return found


def store(job: Storing, worker: Worker) -> Made:
    """Embed the videos of one shard and write them. Runs in any process.

    LaffError where a value is not finite in the type that it is kept in.
    """
    import torch

    torch.set_num_threads(job.graph.threads)
    start = time.perf_counter()
    ready = worker.kept(Ready)
    context = ready.context(job)
    rows = context.catalog.shards("video")[job.unit.shard]
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
        values, found = features.read(context, job.kept.name, "video", rows)
        vectors = normalised(np.asarray(values)[found]).numpy()
    else:
        model = ready.model(job, context, job.train)
        vectors, found, shares = _embedded(context, job.kept, model, rows)
        if shares is not None:
            extra["shares"] = shares
            about["features"] = json.dumps(names_of(model.video))
    ids = context.catalog.ids("video", rows[found])
    kept = vectors.astype(job.dtype)
    if not np.isfinite(kept).all():
        lost = ids[int(np.argmin(np.isfinite(kept).all(axis=1)))]
        raise LaffError(f"{job.stage}: the vector of '{lost}' by {job.kept.key} holds values that are no {job.dtype}")
    shards.write(job.root / job.places.get(job.stage, job.stage) / job.unit.key, ids, kept, about, extra=extra)
    worker.advance(len(rows))
    return Made(job.stage, job.unit.key, len(ids), time.perf_counter() - start)


def _embedded(
    context: Context, kept: Kept, model: Spaces, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Vectors [m, W] of the catalog rows that have all features, found [n] bool, and shares [m, K] where there are."""
    from fusion.features import take

    assert kept.model is not None
    videos, found = assemble.videos_of(context, kept.model, rows)
    if model.scores_pairs:
        raise LaffError(f"'{kept.name}' scores pairs, so no video has a vector; take it out of `models`")
    with watched(model) as shares:
        block = embed_videos(
            model.embed_video, lambda some: {name: take(one, some) for name, one in videos.items()}, int(found.sum())
        )
    if not len(block):
        return np.zeros((0, 0), np.float32), found, None
    each = np.concatenate(shares) if shares else np.zeros((0, 0), np.float32)  # with those that fill the last block
    return block.numpy(), found, each[: len(block)] if len(each) >= len(block) else None


def job_of(context: Context, stage: Stage, train: Stage | None, one: Kept, unit: Unit) -> Storing:
    """The task that makes a unit of a vectors stage."""
    return Storing(
        graph=context.graph,
        root=context.work.root.absolute(),
        places=context.work.places,
        source=context.source.absolute(),
        table=files.digest(context.catalog.contents),
        stage=stage.name,
        train=train,
        kept=one,
        unit=unit,
        dtype=stage.options_as(VectorOptions).dtype,
    )
