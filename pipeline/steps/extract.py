"""extract: compute features of videos, in one pass over them for all stages, and features of captions."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from extractors.base import member
from pipeline import progress
from pipeline.build import learned
from pipeline.build.construct import construct
from pipeline.build.loaded import device
from pipeline.errors import LaffError, absent
from pipeline.extraction import passes
from pipeline.extraction.clips import no_decoder
from pipeline.extraction.provenance import attributes
from pipeline.extraction.target import Target
from pipeline.graph import aggregators
from pipeline.graph.graph import Stage
from pipeline.graph.options import DecodingLimits
from pipeline.graph.recipe import Fit
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import FIT, STATE, Unit
from pipeline.plan.units import fit as fit_unit
from pipeline.plan.units import shards as shards_of
from pipeline.rows import shards
from pipeline.training.fit import train
from pipeline.weights import lookup
from pipeline.workers.tasks import Made
from pipeline.workers.worker import Worker


@dataclass(frozen=True)
class Options(DecodingLimits):
    """Parameters of the step."""

    HELP = "Extract this feature for all videos or captions."
    USES = True
    BORROWS = "finetune"
    COMPUTES = True
    DECODES = True
    AFTER = "decode"
    TOGETHER = "video"
    LEARNS = "part"
    ROWS = "part"
    LOSES = True
    MAKES = ("{shard}", "{side}/{shard}", "best.pt")
    WORKING = ("last.pt",)
    STALE = "the captions or videos that it learns from changed"
    HOW = ("batch", "timeout", "memory")
    SHAPED_BY = ("pipeline.build", "pipeline.rows.shards")
    SHAPED_BY_VIDEO = ("pipeline.extraction",)
    SHAPED_BY_FIT = ("pipeline.training.checkpoint",)
    SHAPED_BY_TASK = ("pipeline.training.fit",)

    batch: int | Literal["auto"] = "auto"  # videos in a forward; auto: as many as fit a GPU, up to 8 on a CPU
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"  # of the models; auto: float16 on a GPU
    dtype: Literal["float32", "float16"] = "float32"  # of the stored values
    fit: dict[str, Any] = field(default_factory=dict)  # how a part that is trained learns: graph/recipe.py

    def __post_init__(self) -> None:
        if (self.batch != "auto" and self.batch < 1) or self.timeout <= 0 or self.memory <= 0:
            raise LaffError(
                f"batch is {self.batch}, timeout {self.timeout}, memory {self.memory}; all should be above 0"
            )
        if self.fit:
            Fit(**self.fit)


def units(context: Context, stage: Stage) -> list[Unit]:
    """One fit if the part learns, and one shard for each of the collection's shards of its sides."""
    fitted = [fit_unit(context, stage)] if stage.fitted else []
    return [*fitted, *(unit for side in stage.sides for unit in shards_of(context, stage, side))]


def problems(context: Context, stage: Stage) -> list[str]:
    """Mistakes that the part reports, and a missing device if this process does the work."""
    part = construct(stage, context)
    mistakes = []
    if hasattr(part, "vector_width"):
        part.vector_width()  # raises ValueError if its file holds no vectors
    if misfit := learned.vectors_misfit(context, stage):
        mistakes.append(misfit)
    lacking = no_decoder(context, stage)
    if lacking and any(unit.side == "video" for unit in stage_plan(context, stage.name).todo):
        mistakes += lacking
    mistakes += _too_few_words(context, stage, part)
    if not context.tasks.remote:
        device(stage.name, stage.on)
    return mistakes + aggregators.refused(context.graph, stage)


def _too_few_words(context: Context, stage: Stage, part: Any) -> list[str]:
    """Why the train captions are too few to learn from, found before any work begins."""
    captions = [context.catalog.texts[row] for row in context.catalog.split_captions("train")]
    if not captions or not hasattr(part, "check_captions"):
        return []
    if all(unit.key != FIT for unit in stage_plan(context, stage.name).todo):
        return []
    try:
        part.check_captions(captions)
    except ValueError as error:
        advice = f": --set {stage.name}.threshold=1" if "threshold" in stage.params else ""
        return [f"'{stage.name}': {error}{advice}"]
    return []


def shape(context: Context, stage: Stage) -> tuple[int, int]:
    """Width and number of frames, from the part, or from its cached shards if the part lacks a package."""
    try:
        part = construct(stage)
    except ModuleNotFoundError as error:
        folder = context.work.folder(stage.name)
        videos, either = (sorted(folder.glob(pattern)) for pattern in ("video/[0-9]*.h5", "**/[0-9]*.h5"))
        if not absent(error) or not either:
            raise
        return shards.shape((videos or either)[0])  # shards of captions have no frames
    sampling = member(part, "sampling")
    return int(member(part, "dim")), sampling.views * sampling.frames if sampling else 1


def run(context: Context, planned: Planned) -> None:
    """Make the missing units of one stage."""
    run_together(context, [planned])


def run_together(context: Context, plans: Sequence[Planned]) -> None:
    """Make the missing units of several stages; videos are decoded once for all of them."""
    for planned in plans:
        if any(unit.key == FIT for unit in planned.todo):
            _fit(context, planned)
    passes.make_shards(context, plans, target)
    for planned in plans:
        _texts(context, planned)


def _fit(context: Context, planned: Planned) -> None:
    """Fit the part (a vocabulary at once, a network step by step) and save what it learned."""
    import torch

    from pipeline.training.checkpoint import save

    stage, catalog = context.stage(planned.stage), context.catalog
    unit = next(unit for unit in planned.todo if unit.key == FIT)
    torch.set_num_threads(context.graph.threads)
    part = construct(stage, context)
    start = time.perf_counter()
    captions = [catalog.texts[row] for row in catalog.split_captions("train")]
    training: dict[str, float] = {}
    try:
        if hasattr(part, "task"):
            recipe = Fit(**stage.options_as(Options).fit)
            training = train(context, stage, part, recipe, unit.fingerprint + unit.content)
        else:
            state = {"fingerprint": unit.fingerprint, "state": part.fit(captions)}
            save(context.work.folder(stage.name) / STATE, state)
    except ValueError as error:
        raise LaffError(f"{stage.name}: {error}") from None
    result = Made(stage.name, FIT, len(captions), time.perf_counter() - start, training=training)
    record(context, planned, result)


def target(context: Context, stage: Stage, unit: Unit) -> Target:
    """Everything a task needs to make one shard of one feature."""
    options = stage.options_as(Options)
    return Target(
        stage=stage.name,
        key=unit.key,
        path=(context.work.folder(stage.name) / unit.key).absolute(),
        part=construct(stage, context),
        fingerprint=unit.fingerprint,
        content=unit.content,
        recipe=unit.recipe,
        on=stage.on,
        batch=options.batch,
        dtype=options.dtype,
        precision=options.precision,
        weights=_absolute(lookup.get(stage, context.graph, context.work) if not stage.borrowed else None),
        further={param: _absolute(path) for param, path in lookup.further(stage, context.graph, context.work).items()},
        state=_absolute(learned.file(context, stage)),
        learned=learned.saved_at(context, stage),
        about=learned.about(context, stage),
    )


def _absolute(path: Path | None) -> Path | None:
    """The absolute path, since a worker may run in another folder."""
    return path.absolute() if path is not None else None


@dataclass
class Texts:
    """The work of one dask task: the captions of a shard."""

    ids: list[str]
    texts: list[str]
    target: Target
    threads: int


def _texts(context: Context, planned: Planned) -> None:
    """Make the missing shards of captions of one stage."""
    stage, catalog = context.stage(planned.stage), context.catalog
    jobs = []
    for unit in planned.todo:
        if unit.side == "text":
            captions = catalog.shards("text")[unit.shard]
            ids, texts = catalog.ids("text", captions), [catalog.texts[row] for row in captions]
            jobs.append(Texts(ids, texts, target(context, stage, unit), context.graph.threads))
    if jobs:
        with progress.bar(f"{stage.name} (text)", sum(len(job.ids) for job in jobs), "caption") as bar:
            for shard in context.tasks.each(text_shard, jobs, bar):
                record(context, planned, shard)


def text_shard(work: Texts, worker: Worker) -> Made:
    """Extract one shard of captions and write it; runs in any process."""
    import torch

    torch.set_num_threads(work.threads)
    goal = work.target
    start = time.perf_counter()
    part = goal.loaded(worker)
    try:
        values = part.extract_text(work.texts)
    except ValueError as error:
        raise LaffError(f"{goal.stage}: {error}") from None
    if values.shape[0] != len(work.ids):
        raise LaffError(f"{goal.stage}: extract_text gave {values.shape[0]} rows for {len(work.ids)} captions")
    if isinstance(values, np.ndarray):
        values = values.astype(goal.dtype)
        if not np.isfinite(values).all():
            caption = work.ids[int(np.argmin(np.isfinite(values).all(axis=1)))]
            raise LaffError(
                f"{goal.stage}: the row of caption '{caption}' holds values that are not finite {goal.dtype}"
            )
    shards.write(Path(goal.path), work.ids, values, attributes(goal, part))
    worker.advance(len(work.ids))
    return Made(goal.stage, goal.key, len(work.ids), time.perf_counter() - start)
