"""train: every model of the stage, once per seed, on the cached features of the train and val splits."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline import build, fusing, models, progress
from pipeline.context import Context
from pipeline.errors import LaffError
from pipeline.fitting import recipe_of
from pipeline.learning import Learning
from pipeline.plan import Planned
from pipeline.record import record
from pipeline.target import Made


@dataclass(frozen=True)
class Options(Learning):
    """Parameters of the step; the block's own (heads, width, …) stand beside them in stages.yaml."""

    HOW = ("seeds", "baselines", "singles", "checkpoint", "joint")
    CODE = ("fusion.paired", "fusion.retrieval", "fusion.losses")
    OWN = ("pipeline.training", "pipeline.optimizer", "pipeline.recipe", "pipeline.rmsprop", "pipeline.fusing")

    seeds: list[int] = field(default_factory=lambda: [2])
    # Further models by name: a block or model, or {uses, params, video, text, options} where it differs in more.
    baselines: dict[str, str | dict[str, Any]] = field(default_factory=dict)
    singles: bool = True  # the block on each video feature alone too
    joint: list[str] = field(default_factory=list)  # text features whose encoder is trained inside the model
    precision: Literal["float32", "bfloat16"] = "float32"  # of matrix products while learning

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise LaffError(f"seeds is {self.seeds}; it should list different whole numbers from 0, at least one")


def run(context: Context, planned: Planned) -> None:
    """Train what is missing; a killed training goes on from its checkpoint."""
    import torch

    from fusion.losses import make
    from fusion.retrieval import Retrieval
    from pipeline.training import Trainer

    stage = context.stage(planned.stage)
    where = build.device(stage.name, stage.on)
    torch.set_num_threads(context.graph.threads)
    encoders = fusing.joints(context, stage)
    train, val = (
        fusing.split(context, fusing.rows(context, stage, name), encoders).to(where) for name in ("train", "val")
    )
    of = {f"{model.name}/seed{seed}": (model, seed) for model in models.of(context, stage) for seed in model.seeds}
    for number, unit in enumerate(planned.todo, 1):
        model, seed = of[unit.key]
        options = stage.options | model.options
        recipe = recipe_of(options)
        start = time.perf_counter()
        own, own_val = fusing.part_of(train, model), fusing.part_of(val, model)
        try:
            paired = fusing.make(context, stage, model, own, encoders, seed).to(where)
            loss = make(options["loss"], options["mask"])
            task = Retrieval(paired, own, own_val, loss, precision=options["precision"])
        except ValueError as error:
            raise LaffError(f"{stage.name}: {model.name}: {error}") from None
        folder = context.work.folder(stage.name) / Path(unit.key)
        fingerprint = unit.fingerprint + unit.content
        trainer = Trainer(task, recipe, seed, folder, fingerprint, stage.options["checkpoint"], progress.trained)
        with progress.bar(
            f"{stage.name} {unit.key} ({number}/{len(planned.todo)})", recipe.epochs * trainer.steps, "step"
        ):
            trainer.run()
        made = Made(stage.name, unit.key, len(own), time.perf_counter() - start)
        record(context, planned, made, [f"{unit.key}/best.pt"])
