"""One training as a dask task: a model with a seed; the worker reads its features from the workspace."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import files, progress
from pipeline.assembly import assemble
from pipeline.assembly.features import check_learnable
from pipeline.build.loaded import device
from pipeline.errors import Diverged, LaffError, Unfit
from pipeline.graph import models
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.models import Model
from pipeline.graph.options import ModelOptions, ModelTraining
from pipeline.items import table
from pipeline.parts.blame import line_of, refused_memory
from pipeline.plan.context import Context
from pipeline.plan.units import data_content, pairs_content
from pipeline.store.workspace import Workspace
from pipeline.training.bfloat16 import Warnings
from pipeline.training.start import start
from pipeline.workers.worker import Worker

if TYPE_CHECKING:
    from fusion.features import Split
    from pipeline.training.trainer import Progress, Trainer

CHECKED = 4  # captions whose vectors are checked before a training: enough to show their shape


@dataclass
class Training:
    """Everything that a process needs to train one model with one seed; small, because it goes through dask."""

    graph: Graph
    root: Path  # the workspace
    places: dict[str, str]  # stage -> its folder in the workspace, see Workspace.places
    source: Path  # collection.yaml
    stage: str
    model: Model
    seed: int
    fingerprint: str
    data: str  # key of the rows that it learns from: a process that has read them keeps them for the next training
    title: str  # of its progress bar

    @property
    def key(self) -> str:
        """Name of the unit, which is its folder in that of the stage."""
        return f"{self.model.name}/seed{self.seed}"

    @property
    def gpu(self) -> bool:
        """Tell whether it must have a GPU."""
        return self.graph.stages[self.stage].on == "gpu"

    @property
    def threads(self) -> int:
        """CPU threads that it computes with."""
        return self.model.training(self.graph.stages[self.stage]).threads

    def prepare(self, worker: Worker) -> None:
        """Read what it has in common with other trainings, before processes for them are forked from this one."""
        import fusion.retrieval  # noqa: F401 - for all processes at once
        import pipeline.training.trainer  # noqa: F401

        with suppress(Exception):  # of which the training itself will tell
            context, encoders, on_device = _surroundings(self)
            _rows(self, worker, context, encoders, on_device)

    def lost(self, how: str) -> Trained:
        """Its outcome if its process was killed, though no other ran beside it."""
        why = f"its process ended ({how}); its checkpoint is kept, the same command goes on from it"
        return Trained(self.key, wrong=f"{self.stage}: {self.key}: {why}")


@dataclass
class Trained:
    """Outcome of a training: done, or the reason why it failed."""

    key: str
    rows: int = 0  # captions that it learned from
    seconds: float = 0.0  # of this run
    wrong: str = ""  # why it failed; '' where it is done
    training: dict[str, float] = field(default_factory=dict)  # epochs, and their seconds in all runs together
    words: str = ""  # which weights are kept; '' for the usual ones


class Untrained(LaffError):
    """Raised where some trainings of a stage failed; `kept` others are done."""

    def __init__(self, stage: str, failed: dict[str, str], kept: int = 0) -> None:
        count = f"{len(failed)} training{'' if len(failed) == 1 else 's'} came to nothing"
        lines = dict.fromkeys(failed.values())  # seeds may fail alike
        others = f", {kept} other{'' if kept == 1 else 's'} kept" if kept else ""
        super().__init__("\n".join([f"{stage}: {count}{others}", *(f"  - {why}" for why in lines)]), lines)
        self.failed = failed  # unit -> why


class Rows:
    """Cache of the train and val rows of the last training, for the next one on the same rows."""

    def __init__(self) -> None:
        self._key = ""
        self._splits: tuple[Split, Split] | None = None

    def of(self, key: str, read: Callable[[], tuple[Split, Split]]) -> tuple[Split, Split]:
        """Get the rows with this key, or read them; rows with another key are freed first."""
        if self._splits is None or self._key != key:
            self._splits = None
            self._splits, self._key = read(), key
        return self._splits


def rows_of(context: Context, stage: Stage, model: Model) -> str:
    """Key of a training's rows: a digest of the stage's features and of the items that have those of the model."""
    recipe = context.recipe(stage.name)
    joint = [recipe[f"joint {name}"] for name in stage.options_as(ModelOptions).joint]
    frames = sorted({name for other in models.of(context.graph, stage) for name in other.frames})
    learned = data_content(context, *context.graph.reads(stage.name))
    content = [recipe["from"], list(stage.sources), joint, frames, learned, pairs_content(context, list(model.video))]
    return files.digest([str(context.work.root.absolute()), content])


def train(job: Training, worker: Worker) -> Trained:
    """Train, or go on from the checkpoint of a training that was cut off. Runs in any process.

    The result says where the loss is no number, sizes do not fit or a GPU is too small: other trainings may still
    succeed. Raises LaffError for what would stop those too, such as a full disk.
    """
    import torch

    torch.set_num_threads(job.threads)
    start = time.perf_counter()
    try:
        trainer = make_trainer(job, worker)
        all_steps = trainer.recipe.epochs * trainer.steps
        if worker.shows:
            with progress.bar(job.title, all_steps, "step") as bar:
                trainer.progress = bar.to
                summary = trainer.run()
        else:
            trainer.progress = _epochs(worker, trainer.steps)
            summary = trainer.run()
            trainer.progress(all_steps, all_steps, "")  # it may have stopped early
    except (ValueError, Diverged, Unfit) as error:
        return Trained(job.key, wrong=f"{job.stage}: {job.model.name}: {error}")
    except RuntimeError as error:  # from torch, on shapes or memory
        first = (str(error).splitlines() or [""])[0]
        why = f"{type(error).__name__}: {first}{line_of(error, job.model.uses)}"
        why = refused_memory(error, job.model.params) or why
        return Trained(job.key, wrong=f"{job.stage}: {job.model.name}: {why}")
    except Exception as error:
        error.add_note(f"in stage '{job.stage}', model '{job.model.name}': {job.model.uses}")
        raise
    seconds = time.perf_counter() - start
    return Trained(job.key, trainer.task.samples, seconds, training=summary.record(), words=summary.words)


def make_trainer(job: Training, worker: Worker) -> Trainer:
    """Read the rows of a training and build its model, on its device."""
    import torch

    from fusion.losses import make
    from fusion.measures import MEASURES
    from fusion.retrieval import Retrieval
    from pipeline.training.trainer import Trainer

    stage = job.graph.stages[job.stage]
    context, encoders, on_device = _surroundings(job)
    training = job.model.training(stage)
    splits = _rows(job, worker, context, encoders, on_device)
    train, val = (assemble.part_of(split, job.model) for split in splits)
    model = assemble.make(context, stage, job.model, train, encoders, job.seed)
    if started := start(context, stage, job.model, model, encoders, job.seed):
        progress.say(f"{stage.name} {job.key} {started}")
    model = model.to(on_device)
    loss = make(training.loss, training.mask, training.prior)
    model.check(*train.batch(torch.arange(min(len(train), CHECKED))))
    worker.kept(Warnings).warn(training.precision, on_device)
    task = Retrieval(
        model,
        train,
        val,
        loss,
        precision=training.precision,
        measure=MEASURES[training.best],
        factors=_factors(encoders, job.model, training),
    )
    folder = context.work.folder(stage.name) / job.key
    return Trainer(task, training, job.seed, folder, job.fingerprint, training.checkpoint, average=training.average)


def _surroundings(job: Training) -> tuple[Context, list[assemble.Joint], str]:
    """What a training works with: its context, the encoders inside models of its stage, and its device."""
    stage = job.graph.stages[job.stage]
    context = Context(job.graph, table.read(job.root / "ingest" / "table.h5")[0], Workspace(job.root, job.places))
    context.source = job.source
    return context, assemble.joints(context, stage), device(stage.name, stage.on)


def _rows(
    job: Training, worker: Worker, context: Context, encoders: list[assemble.Joint], on_device: str
) -> tuple[Split, Split]:
    """The train and val rows of a training on its device, from those that this process keeps if it has them."""
    return worker.kept(Rows).of(f"{job.data} on {on_device}", partial(_read, job, context, encoders, on_device))


def _factors(encoders: list[assemble.Joint], model: Model, training: ModelTraining) -> dict[str, float]:
    """{prefix of parameter names: factor of the learning rate} of the encoders inside a model."""
    inside = [joint for joint in encoders if joint.name in model.text]
    rates = {
        joint.name: training.joint_rates.get(joint.name, float(getattr(joint.part, "rate", 1))) for joint in inside
    }
    return {f"encoders.{name}.": rate for name, rate in rates.items() if rate != 1}


def _read(job: Training, context: Context, encoders: list[assemble.Joint], on_device: str) -> tuple[Split, Split]:
    """Read the train and val rows of a training, onto its device."""
    stage = job.graph.stages[job.stage]

    def read(split: str) -> Split:
        rows = assemble.rows(context, stage, split, needs=job.model.video)
        check_learnable(split, rows.captions)
        return assemble.split(context, rows, encoders).to(on_device)

    return read("train"), read("val")


def _epochs(worker: Worker, steps: int) -> Progress:
    """Make a progress callback that advances the worker by each finished epoch of `steps` steps."""
    reported = 0

    def report(done: int, total: int, note: str) -> None:
        nonlocal reported
        if done // steps > reported:
            worker.advance(done // steps - reported)
            reported = done // steps

    return report
