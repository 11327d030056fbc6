"""train: train every model of the stage once per seed, on cached features of the train and val splits."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from pipeline import progress
from pipeline.assembly.model import model as build_model
from pipeline.build.learned import vectors_misfit
from pipeline.build.loaded import device
from pipeline.errors import LaffError, did_you_mean
from pipeline.graph import models
from pipeline.graph.graph import Stage
from pipeline.graph.options import ModelOptions, ModelTraining
from pipeline.graph.recipe import check_seed
from pipeline.plan import initial, steps
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit
from pipeline.plan.units import model as model_unit
from pipeline.training import reuse, start
from pipeline.training.jobs import Rows, Training, Untrained, rows_of, train
from pipeline.weights import lookup
from pipeline.workers import beside
from pipeline.workers.tasks import Made, Tasks


@dataclass(frozen=True)
class Options(ModelOptions, ModelTraining):
    """Parameters of the step; stages.yaml lists the block's own params (heads, width, …) beside them."""

    HELP = "Train the fusion models on cached features."
    USES = True
    COMPUTES = True
    LEARNS = "always"
    FUSES = True
    MAKES = ("{unit}/best.pt",)
    WORKING = ("{unit}/last.pt",)
    STALE = "the train or val split changed"
    HOW = ("seeds", "own", "baselines", "singles", "checkpoint", "joint", "threads")
    LATER = ("best", "average", "init", "joint_rates")
    STARTS = ("init",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise LaffError(f"seeds is {self.seeds}; it should list different whole numbers from 0, at least one")
        for seed in self.seeds:
            check_seed(seed)
        if strange := [name for name in self.joint_rates if name not in self.joint]:
            raise LaffError(
                f"joint_rates names '{strange[0]}', which is not in joint{did_you_mean(strange[0], self.joint)}; only "
                "an encoder that learns inside the model has a rate"
            )


def units(context: Context, stage: Stage) -> list[Unit]:
    """One training for each model and seed."""
    return [
        model_unit(context, stage, model, seed) for model in models.of(context.graph, stage) for seed in model.seeds
    ]


def problems(context: Context, stage: Stage) -> list[str]:
    """Mistakes that the device and the constructors of the models report.

    A width that only the rows of a feature can tell is taken as 1.
    """
    import torch

    device(stage.name, stage.on)
    joint = stage.options_as(Options).joint
    mistakes = [misfit for name in joint if (misfit := vectors_misfit(context, context.stage(name)))]
    mistakes += [wrong for name in joint if (wrong := lookup.check(context.stage(name), context.graph))]
    shapes = {source: steps.shape(context, context.stage(source)) for source in stage.sources}
    for model in models.of(context.graph, stage):
        place = stage.name if model.params is stage.params else f"{stage.name}: {model.name}"
        video, text = ({name: shapes[name][0] for name in names} for names in (model.video, model.text))
        try:
            with torch.device("meta"):  # without memory for any weights
                built = build_model(
                    place,
                    model,
                    context.graph.trusted,
                    video,
                    text,
                    {name: shapes[name][1] for name in model.frames},
                    {},
                )
        except LaffError as error:
            mistakes.append(str(error))
            continue
        mistakes += _no_start(context, stage, model, list(built.state_dict()))
    return mistakes


def _no_start(context: Context, stage: Stage, model: models.Model, weights: list[str]) -> list[str]:
    """Why a model cannot start from what `init` names. weights: names of its weights, without encoders inside it."""
    mistakes = []
    for seed in model.seeds:
        try:
            path = initial.file(context, stage, model, seed)
        except LaffError as error:
            if not initial.is_known(context, stage, model, seed):  # else its training, if there is one to do, says it
                mistakes.append(str(error))
            continue
        if path is None:
            continue
        if damage := initial.damage(context, path):
            mistakes.append(damage)
            continue
        try:
            start.check_model(path, start.names(path), weights)
        except LaffError as error:
            mistakes.append(str(error))
    return list(dict.fromkeys(mistakes))


def run(context: Context, planned: Planned) -> None:
    """Train the missing models, one task per model and seed; a killed training continues from its checkpoint.

    A training that another stage of the workspace (a comparison or another run) already did alike is copied.

    Raises:
        Untrained: after all trainings have ended, if some of them failed.
    """
    stage = context.stage(planned.stage)
    copied = 0
    for unit in planned.todo:
        if twin := reuse.adopt(context, stage.name, unit):
            entry, _ = twin
            result = Made(stage.name, unit.key, entry.rows, 0.0, training=entry.training)
            record(context, planned, result, twin)
            copied += 1
    if copied:
        progress.say(f"{stage.name}: {copied} of {len(planned.todo)} were trained alike elsewhere here, and are copied")
    first: dict[str, int] = {}  # trainings on the same rows follow each other, so that rows are read once
    jobs = sorted(_jobs(context, planned), key=lambda job: first.setdefault(job.data, len(first)))
    failed: dict[str, str] = {}
    tasks = tasks_of(context, stage, jobs)
    with _bar(tasks, stage, jobs) as bar:
        for trained in tasks.each(train, jobs, bar):
            if trained.wrong:
                failed[trained.key] = trained.wrong
                why = f": {trained.wrong}" if len(jobs) > 1 else ""  # that of a single one ends the command
                progress.say(f"{stage.name} {trained.key} came to nothing{why}")
                continue
            if trained.words:
                progress.say(f"{stage.name} {trained.key}: {trained.words}")
            result = Made(stage.name, trained.key, trained.rows, trained.seconds, training=trained.training)
            record(context, planned, result)
    context.tasks.forget(Rows)
    if failed:
        raise Untrained(stage.name, failed, len(jobs) - len(failed))


def _jobs(context: Context, planned: Planned) -> Iterator[Training]:
    """One task for each missing training."""
    stage = context.stage(planned.stage)
    model_and_seed = {
        f"{model.name}/seed{seed}": (model, seed) for model in models.of(context.graph, stage) for seed in model.seeds
    }
    unfinished = list(planned.unfinished.values())
    for number, unit in enumerate(unfinished, 1):
        model, seed = model_and_seed[unit.key]
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
            title=f"{stage.name} {unit.key} ({number}/{len(unfinished)})",
        )


def tasks_of(context: Context, stage: Stage, jobs: list[Training]) -> Tasks:
    """What does the trainings: several side by side on a CPU, each with threads of its own, one at a time on a GPU."""
    if len(jobs) < 2 or device(stage.name, stage.on) != "cpu":
        return context.tasks
    import torch

    threads = max(job.threads for job in jobs)
    # Where there is a GPU, threads of autograd begin with a first backward, and refuse to work in a forked process.
    forks = threads == 1 and not torch.cuda.is_available()
    return context.tasks.beside(beside.number(len(jobs), threads), forks, context.work.leave)


def _bar(tasks: Tasks, stage: Stage, jobs: list[Training]) -> AbstractContextManager[progress.Bar | None]:
    """A bar over the epochs of all trainings in other processes; a training in this process shows its own steps."""
    if tasks.shows:
        return nullcontext()
    return progress.bar(stage.name, sum(job.model.training(stage).epochs for job in jobs), "epoch")
