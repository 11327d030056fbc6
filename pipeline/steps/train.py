"""train: every model of the stage, once per seed, on the cached features of the train and val splits."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from pipeline import progress
from pipeline.build.construct import model as build_model
from pipeline.build.learned import vectors_misfit
from pipeline.build.loaded import device
from pipeline.errors import LaffError
from pipeline.graph import models
from pipeline.graph.graph import Stage
from pipeline.graph.options import ModelOptions, ModelTraining
from pipeline.graph.recipe import check_seed
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit
from pipeline.plan.units import model as model_unit
from pipeline.training import reuse
from pipeline.training.jobs import Rows, Training, Untrained, rows_of, train
from pipeline.workers.tasks import Made


@dataclass(frozen=True)
class Options(ModelOptions, ModelTraining):
    """Parameters of the step; the block's own (heads, width, …) stand beside them in stages.yaml."""

    HELP = "Train the fusion models on cached features."
    USES = True
    COMPUTES = True
    LEARNS = "always"
    FUSES = True
    MAKES = ("{unit}/best.pt",)
    WORKING = ("{unit}/last.pt",)
    STALE = "the train or val split changed"
    HOW = ("seeds", "own", "baselines", "singles", "checkpoint", "joint")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise LaffError(f"seeds is {self.seeds}; it should list different whole numbers from 0, at least one")
        for seed in self.seeds:
            check_seed(seed)


def units(context: Context, stage: Stage) -> list[Unit]:
    """A training for each model and seed."""
    return [
        model_unit(context, stage, model, seed) for model in models.of(context.graph, stage) for seed in model.seeds
    ]


def problems(context: Context, stage: Stage) -> list[str]:
    """What the device and the constructors of the models refuse. Widths that only the rows tell stand as 1."""
    import torch

    device(stage.name, stage.on)
    joint = stage.options_as(Options).joint
    found = [wrong for name in joint if (wrong := vectors_misfit(context, context.stage(name)))]
    shapes = {source: steps.shape(context, context.stage(source)) for source in stage.sources}
    for one in models.of(context.graph, stage):
        where = stage.name if one.params is stage.params else f"{stage.name}: {one.name}"
        video, text = ({name: shapes[name][0] for name in names} for names in (one.video, one.text))
        try:
            with torch.device("meta"):  # without memory for any weights
                build_model(
                    where, one, context.graph.trusted, video, text, {name: shapes[name][1] for name in one.frames}, {}
                )
        except LaffError as error:
            found.append(str(error))
    return found


def run(context: Context, planned: Planned) -> None:
    """Train what is missing, each model and seed a task; a killed training goes on from its checkpoint.

    What another train stage of the workspace has trained alike (a comparison, or the run beside it) is taken over.
    Raises Untrained where some came to nothing, when the others are done.
    """
    stage = context.stage(planned.stage)
    for unit in planned.todo:
        if twin := reuse.adopt(context, stage.name, unit):
            entry, _ = twin
            made = Made(stage.name, unit.key, entry.rows, 0.0, training=entry.training)
            record(context, planned, made, twin)
    first: dict[str, int] = {}  # trainings on the same rows come one after the other: rows are read once
    jobs = sorted(_jobs(context, planned), key=lambda job: first.setdefault(job.data, len(first)))
    failed: dict[str, str] = {}
    with _bar(context, stage, jobs) as bar:
        for done in context.tasks.each(train, jobs, bar):
            if done.wrong:
                failed[done.key] = done.wrong
                progress.say(f"{stage.name} {done.key} came to nothing: {done.wrong}")
                continue
            made = Made(stage.name, done.key, done.rows, done.seconds, training=done.training)
            record(context, planned, made)
    context.tasks.forget(Rows)
    if failed:
        raise Untrained(stage.name, failed)


def _jobs(context: Context, planned: Planned) -> Iterator[Training]:
    stage = context.stage(planned.stage)
    of = {
        f"{model.name}/seed{seed}": (model, seed) for model in models.of(context.graph, stage) for seed in model.seeds
    }
    left = list(planned.unfinished.values())
    for number, unit in enumerate(left, 1):
        model, seed = of[unit.key]
        yield Training(
            graph=context.graph,
            root=context.work.root.absolute(),
            places=context.work.places,
            source=context.source.absolute(),
            stage=stage.name,
            model=model,
            seed=seed,
            fingerprint=unit.fingerprint + unit.content,
            data=rows_of(context, stage, model),
            title=f"{stage.name} {unit.key} ({number}/{len(left)})",
        )


def _bar(context: Context, stage: Stage, jobs: list[Training]) -> AbstractContextManager[progress.Bar | None]:
    """Epochs of all trainings, where others do them; a training in this process shows its own steps."""
    if context.tasks.shows:
        return nullcontext()
    return progress.bar(stage.name, sum(job.model.training(stage).epochs for job in jobs), "epoch")
