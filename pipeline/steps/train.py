"""train: every model of the stage, once per seed, on the cached features of the train and val splits."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline import progress
from pipeline.errors import LaffError
from pipeline.graph import models
from pipeline.graph.graph import Stage
from pipeline.graph.recipe import Learning, check_seed
from pipeline.plan.context import Context
from pipeline.plan.plan import Planned
from pipeline.plan.record import record
from pipeline.training import reuse
from pipeline.training.jobs import Rows, Training, Untrained, rows_of, train
from pipeline.workers.tasks import Made


@dataclass(frozen=True)
class Options(Learning):
    """Parameters of the step; the block's own (heads, width, …) stand beside them in stages.yaml."""

    HOW = ("seeds", "own", "baselines", "singles", "checkpoint", "joint")
    CODE = ("fusion.paired", "fusion.retrieval", "fusion.losses")
    OWN = (
        "pipeline.training.trainer",
        "pipeline.training.optimizer",
        "pipeline.graph.recipe",
        "pipeline.training.rmsprop",
        "pipeline.assembly.assemble",
    )

    seeds: list[int] = field(default_factory=lambda: [2])
    own: bool = True  # the block that `uses` names, over all features
    # Further models by name: a block or model, or {uses, params, video, text, options} where it differs in more.
    baselines: dict[str, str | dict[str, Any]] = field(default_factory=dict)
    singles: bool = True  # the block on each video feature alone too
    joint: list[str] = field(default_factory=list)  # text features whose encoder is trained inside the model
    precision: Literal["float32", "bfloat16"] = "float32"  # of matrix products while learning

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise LaffError(f"seeds is {self.seeds}; it should list different whole numbers from 0, at least one")
        for seed in self.seeds:
            check_seed(seed)


def run(context: Context, planned: Planned) -> None:
    """Train what is missing, each model and seed a task; a killed training goes on from its checkpoint.

    What another train stage of the workspace has trained alike (a comparison, or the run beside it) is taken over.
    Raises Untrained where some came to nothing, when the others are done.
    """
    stage = context.stage(planned.stage)
    for unit in planned.todo:
        if twin := reuse.adopt(context, stage.name, unit):
            made = Made(stage.name, unit.key, twin.rows, 0.0, training=twin.training)
            record(context, planned, made, [f"{unit.key}/best.pt"])
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
            record(context, planned, made, [f"{done.key}/best.pt"])
    context.tasks.forget(Rows)
    if failed:
        raise Untrained(stage.name, failed)


def _jobs(context: Context, planned: Planned) -> Iterator[Training]:
    stage = context.stage(planned.stage)
    of = {f"{model.name}/seed{seed}": (model, seed) for model in models.of(context, stage) for seed in model.seeds}
    left = list(planned.unfinished.values())
    for number, unit in enumerate(left, 1):
        model, seed = of[unit.key]
        yield Training(
            graph=context.graph,
            root=context.work.root.absolute(),
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
    return progress.bar(stage.name, sum((stage.options | job.model.options)["epochs"] for job in jobs), "epoch")
