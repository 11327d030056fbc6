"""How long the trainings of a comparison will take, from a few steps of each model that are timed here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.assembly import assemble
from pipeline.assembly.features import check_learnable
from pipeline.build.loaded import device
from pipeline.errors import LaffError
from pipeline.graph import models
from pipeline.graph.graph import Stage
from pipeline.graph.models import Model
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.plan.up_to_date import not_up_to_date
from pipeline.training import reuse
from pipeline.views.figure_table import FigureTable
from pipeline.views.printed import PLAIN, Paper, columns
from pipeline.views.tables import duration

if TYPE_CHECKING:
    from fusion.features import Split

STEPS = 3  # to be timed, after a first one that is not: it takes longer
LONG = 2.0  # seconds after which no further step of a slow model is timed
DEAR = 10.0  # times the cheapest row: a warning is due
WORTH = 60.0  # seconds; a row that takes less needs no warning


@dataclass(frozen=True)
class Cost:
    """The number of trainings of one row, and how long they take."""

    row: str
    seeds: tuple[int, ...]  # still to be trained
    done: int  # trainings that are done, or are taken from a run or another comparison
    batch: int  # pairs in a step
    steps: int  # in an epoch
    epochs: int  # at most: a training ends where its validation score stands still
    seconds: float | None  # of a step; 0 where nothing learns, None where it could not be timed

    @property
    def each(self) -> float | None:
        """Seconds at most of one training, without validation."""
        return None if self.seconds is None else self.seconds * self.steps * self.epochs

    @property
    def whole(self) -> float | None:
        """Seconds at most of all its trainings that are to be made, one after the other."""
        return None if self.each is None else self.each * len(self.seeds)


def waiting(context: Context) -> list[Planned]:
    """The stages that are to be made before the trainings: features for the most part."""
    train = context.graph.of_step("rank").sources[0]
    return not_up_to_date(context, [name for name in context.graph.needed([train]) if name != train])


def costs(context: Context) -> list[Cost]:
    """How long the trainings of each model take, in the grid's order. Reads the validation split; writes nothing.

    Steps are timed where a model is to be trained and all features are there.
    """
    train = context.stage(context.graph.of_step("rank").sources[0])
    todo = {unit.key for unit in stage_plan(context, train.name).todo if not reuse.find(context, train.name, unit)}
    watch = Watch(context, train) if todo and not waiting(context) else None
    costs_of_rows = []
    for model in models.of(context.graph, train):
        recipe = model.training(train)
        seeds = tuple(seed for seed in model.seeds if f"{model.name}/seed{seed}" in todo)
        steps = -(-_pairs(context, model) // recipe.batch)
        seconds = watch.seconds(model) if watch else None
        trained = len(model.seeds) - len(seeds)
        costs_of_rows.append(Cost(model.name, seeds, trained, recipe.batch, steps, recipe.epochs, seconds))
    return costs_of_rows


def _pairs(context: Context, model: Model) -> int:
    """The number of captions of train that a model learns from: those of videos that have its features."""
    catalog = context.catalog
    lost = [catalog.row[video] for video in context.lost(list(model.video)) if video in catalog.row]
    captions = catalog.split_captions("train")
    return int((~np.isin(np.asarray(catalog.caption_video)[captions], lost)).sum())


class Watch:
    """Times steps of a train stage's models on captions of val: as wide as those of train, and fewer."""

    def __init__(self, context: Context, stage: Stage) -> None:
        self._context, self._stage = context, stage
        self._encoders = assemble.joints(context, stage)
        self._splits: dict[tuple[str, ...], Split] = {}

    def seconds(self, model: Model) -> float | None:
        """Seconds of a step on the device that the stage takes here; None where no step can be made here."""
        try:
            return self._timed(model)
        except (LaffError, ValueError, RuntimeError):  # no GPU, a wrong size, too little memory: the training says it
            return None

    def _timed(self, model: Model) -> float:
        import torch

        from fusion.losses import make
        from fusion.retrieval import Retrieval
        from pipeline.training.optimizer import make_optimizer, step

        device_name = device(self._stage.name, self._stage.on)
        recipe = model.training(self._stage)
        torch.set_num_threads(recipe.threads)
        split = assemble.part_of(self._split(model), model).to(device_name)
        net = (
            assemble.make(self._context, self._stage, model, split, self._encoders, model.seeds[0])
            .to(device_name)
            .train()
        )
        if not any(parameter.requires_grad for parameter in net.parameters()):
            return 0.0
        loss = make(recipe.loss, recipe.mask, recipe.prior)
        task = Retrieval(net, split, split, loss, precision=recipe.precision)
        optimizer = make_optimizer(net, recipe)
        samples = torch.arange(min(recipe.batch, _pairs(self._context, model))) % task.samples
        seconds: list[float] = []
        with torch.random.fork_rng(devices=[device_name] if device_name == "cuda" else []):
            while len(seconds) <= STEPS and (len(seconds) < 2 or sum(seconds) < LONG):
                start = time.perf_counter()
                step(task.loss(samples), optimizer, recipe.clip)
                if device_name == "cuda":
                    torch.cuda.synchronize()
                seconds.append(time.perf_counter() - start)
        return min(seconds[1:])

    def _split(self, model: Model) -> Split:
        """The captions of val whose videos have the features of a model; models of the same videos share them."""
        if model.video not in self._splits:
            captions = assemble.rows(self._context, self._stage, "val", needs=model.video)
            check_learnable("val", captions.captions)
            self._splits = {model.video: assemble.split(self._context, captions, self._encoders)}
        return self._splits[model.video]


def dear(costs: Sequence[Cost]) -> list[str]:
    """A warning for each row whose training takes many times as long as that of the cheapest row."""
    timed = [cost for cost in costs if cost.each]
    if not timed:
        return []
    cheap = min(timed, key=lambda cost: cost.each or 0.0)
    warnings = []
    for cost in timed:
        times = (cost.each or 0.0) / (cheap.each or 1.0)
        if cost.seeds and times >= DEAR and (cost.whole or 0.0) >= WORTH:
            warnings.append(
                f"{cost.row} takes {times:.0f} times as long to train as {cheap.row}: {_step(cost)} a step against "
                f"{_step(cheap)}, up to {duration(cost.whole or 0.0)} for {_seeds(cost)}. A smaller width, fewer heads "
                "or layers in its params make it cheaper"
            )
    return warnings


def text(costs: Sequence[Cost], before: Sequence[Planned], title: str, paper: Paper = PLAIN) -> str:
    """A text of what would be trained and how long it takes; `before` are the stages to be made first."""
    todo = [cost for cost in costs if cost.seeds]
    trainings, trained = sum(len(cost.seeds) for cost in costs), sum(cost.done for cost in costs)
    lines = [f"{title}: {trainings} to train, {trained} trained already (here, by a run or by another comparison)"]
    if before:
        names = ", ".join(f"{planned.stage} ({len(planned.todo)})" for planned in before)
        lines.append(f"to be made first: {names}; how long a step takes is measured when they are there")
    if todo:
        head = ["model", "seeds to train", "pairs a step", "steps an epoch", "epochs at most", "a step", "at most"]
        lines_of_rows = [
            [
                cost.row,
                ", ".join(map(str, cost.seeds)),
                str(cost.batch),
                f"{cost.steps:,}",
                str(cost.epochs),
                _step(cost),
                "?" if cost.whole is None else duration(cost.whole),
            ]
            for cost in todo
        ]
        lines += ["", columns(FigureTable(head, lines_of_rows), paper), ""]
        if known := [cost.whole for cost in todo if cost.whole is not None]:
            lines.append(
                f"together up to {duration(sum(known))} on this machine, one training after the other and validation "
                "aside; a training ends earlier where its validation score stands still (patience)"
            )
    return "\n".join([*lines, *dear(costs)])


def _step(cost: Cost) -> str:
    """How long a step takes, with its unit; ? where it could not be timed."""
    if cost.seconds is None:
        return "?"
    return f"{cost.seconds * 1000:.3g} ms" if cost.seconds < 0.9995 else f"{cost.seconds:,.1f} s"


def _seeds(cost: Cost) -> str:
    """The seeds of a row in words."""
    return f"{len(cost.seeds)} seeds" if len(cost.seeds) > 1 else f"seed {cost.seeds[0]}"
