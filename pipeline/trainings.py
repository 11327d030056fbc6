"""One training as a dask task: a model with a seed, on features that whoever does it reads from the workspace."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import build, files, fusing, models, progress, table
from pipeline.context import Context
from pipeline.errors import Diverged, LaffError, problems
from pipeline.fitting import recipe_of
from pipeline.graph import Graph, Stage
from pipeline.models import Model
from pipeline.units import data_content
from pipeline.workspace import Workspace

if TYPE_CHECKING:
    from fusion.features import Split
    from pipeline.training import Progress, Trainer


@dataclass
class Training:
    """What a process needs to know to train one model with one seed; small, because it goes through dask."""

    graph: Graph
    root: Path  # the workspace
    source: Path  # collection.yaml
    stage: str
    model: Model
    seed: int
    fingerprint: str
    data: str  # tells the rows that it learns from: a process that has read them keeps them for the next training
    title: str

    @property
    def key(self) -> str:
        """The name of the unit: its folder in the stage's."""
        return f"{self.model.name}/seed{self.seed}"

    @property
    def gpu(self) -> bool:
        """Whether it must have a GPU."""
        return self.graph.stages[self.stage].on == "gpu"


@dataclass
class Trained:
    """What became of a training."""

    key: str
    rows: int = 0  # captions that it learned from
    seconds: float = 0.0
    wrong: str = ""  # why it came to nothing


class Untrained(LaffError):
    """Some trainings of a stage came to nothing; the others are done."""

    def __init__(self, stage: str, failed: dict[str, str]) -> None:
        super().__init__(
            str(problems(f"{stage}: {len(failed)} came to nothing, the others are kept", [*failed.values()]))
        )
        self.failed = failed  # unit -> why


@dataclass
class Rows:
    """What the models of a stage learn from and are chosen by, on the device where they are trained."""

    context: Context
    encoders: list[fusing.Joint]
    train: Split
    val: Split


_rows: dict[str, Rows] = {}  # of the last training in this process, and no more: they may fill its memory


def rows_of(context: Context, stage: Stage) -> str:
    """What tells the rows of a stage from others: the features it reads, and the items behind them."""
    made = {name: context.fingerprint(name) for name in context.graph.reads(stage.name)}
    frames = sorted({name for model in models.of(context, stage) for name in model.frames})
    content = [made, list(stage.sources), stage.options["joint"], frames, data_content(context, stage.name)]
    return files.digest([str(context.work.root.absolute()), content])


def forget() -> None:
    """Let go of the rows that this process has read."""
    _rows.clear()


def train(job: Training) -> Trained:
    """Train, or go on from the checkpoint of a training that was cut off. Runs in any process.

    A loss that is no number, and sizes that do not fit, are told in the result, for other trainings may be well.
    """
    import torch

    torch.set_num_threads(job.graph.threads)
    start = time.perf_counter()
    try:
        trainer = _trainer(job)
        if progress.listened():
            epochs = trainer.recipe.epochs
            trainer.progress = _epochs(trainer.steps)
            trainer.run()
            trainer.progress(epochs * trainer.steps, epochs * trainer.steps, "")  # it may have stopped early
        else:
            with progress.bar(job.title, trainer.recipe.epochs * trainer.steps, "step"):
                trainer.run()
    except (ValueError, Diverged) as error:
        return Trained(job.key, wrong=f"{job.stage}: {job.model.name}: {error}")
    return Trained(job.key, trainer.task.samples, time.perf_counter() - start)


def _trainer(job: Training) -> Trainer:
    from fusion.losses import make
    from fusion.retrieval import Retrieval
    from pipeline.training import Trainer

    stage = job.graph.stages[job.stage]
    rows = _read(job)
    options = stage.options | job.model.options
    train, val = fusing.part_of(rows.train, job.model), fusing.part_of(rows.val, job.model)
    model = fusing.make(rows.context, stage, job.model, train, rows.encoders, job.seed).to(rows.train.video_of.device)
    loss = make(options["loss"], options["mask"])
    task = Retrieval(model, train, val, loss, precision=options["precision"])
    folder = rows.context.work.folder(stage.name) / job.key
    checkpoint = options["checkpoint"]
    return Trainer(task, recipe_of(options), job.seed, folder, job.fingerprint, checkpoint, progress.trained)


def _read(job: Training) -> Rows:
    """The rows of a training, read once for all that follow on the same."""
    stage = job.graph.stages[job.stage]
    if job.data not in _rows:
        forget()
        where = build.device(stage.name, stage.on)
        context = Context(job.graph, table.read(job.root / "ingest" / "table.h5")[0], Workspace(job.root))
        context.source = job.source
        encoders = fusing.joints(context, stage)
        train, val = (
            fusing.split(context, fusing.rows(context, stage, name), encoders).to(where) for name in ("train", "val")
        )
        _rows[job.data] = Rows(context, encoders, train, val)
    return _rows[job.data]


def _epochs(steps: int) -> Progress:
    """Tells whoever listens of each finished epoch of `steps` steps."""
    told = 0

    def tell(done: int, total: int, note: str) -> None:
        nonlocal told
        if done // steps > told:
            progress.advance(done // steps - told)
            told = done // steps

    return tell
