"""Let an extractor learn from the train captions: a vocabulary at once, a network step by step."""

import time
from typing import Any

from pipeline import progress
from pipeline.assembly import features
from pipeline.build import construct
from pipeline.build.learned import STATE, word_vectors
from pipeline.build.loaded import device
from pipeline.errors import LaffError
from pipeline.graph.graph import Stage
from pipeline.graph.recipe import Fit, recipe_of
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.workers.tasks import Made


def fit(context: Context, planned: Planned) -> None:
    """Fit an extract stage and save what it learned."""
    import torch

    from pipeline.training.checkpoint import save

    stage, catalog = context.stage(planned.stage), context.catalog
    unit = next(unit for unit in planned.todo if unit.key == "fit")
    torch.set_num_threads(context.graph.threads)
    part = construct.construct(stage, context)
    folder = context.work.folder(stage.name)
    start = time.perf_counter()
    captions = [catalog.texts[row] for row in catalog.split_captions("train")]
    try:
        if hasattr(part, "task"):
            _train(context, stage, part, unit.fingerprint + unit.content)
        else:
            save(folder / STATE, {"fingerprint": unit.fingerprint, "state": part.fit(captions)})
    except ValueError as error:
        raise LaffError(f"{stage.name}: {error}") from None
    record(context, planned, Made(stage.name, "fit", len(captions), time.perf_counter() - start))


def _train(context: Context, stage: Stage, part: Any, fingerprint: str) -> None:
    from fusion.losses import make
    from pipeline.training.trainer import Trainer

    options = Fit(**stage.options["fit"])
    sides = {source: context.stage(source).sides for source in stage.sources}
    video = next((source for source, kinds in sides.items() if "video" in kinds), None)
    if video is None:
        raise LaffError(f"'{stage.name}' learns towards a video feature, but its from names none: {', '.join(sides)}")
    train, val = (features.pairs(context, video, split) for split in ("train", "val"))
    task = part.task(
        train,
        val,
        make(options.loss, options.mask, options.prior),
        vectors=word_vectors(context, stage),
        device=device(stage.name, stage.on),
    )
    trainer = Trainer(
        task,
        recipe_of(stage.options["fit"]),
        options.seed,
        context.work.folder(stage.name),
        fingerprint,
        options.checkpoint,
    )
    with progress.bar(f"{stage.name} (fit)", options.epochs * trainer.steps, "step") as bar:
        trainer.progress = bar.to
        trainer.run()
