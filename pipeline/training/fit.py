"""Training of an extractor that learns step by step, such as gru, from the train captions."""

from typing import Any

from pipeline import progress
from pipeline.assembly import features
from pipeline.build.learned import word_vectors
from pipeline.build.loaded import device
from pipeline.errors import LaffError
from pipeline.graph.graph import Stage
from pipeline.graph.recipe import Fit
from pipeline.plan.context import Context


def train(context: Context, stage: Stage, part: Any, options: Fit, fingerprint: str) -> dict[str, float]:
    """Train an extractor's part on the captions of train and a video feature, or go on with it; leaves best.pt.

    Returns its epochs, and their seconds in all runs together. Raises LaffError where no source is a video feature.
    """
    from fusion.losses import make
    from pipeline.training.trainer import Trainer

    video = next((source for source in stage.sources if "video" in context.stage(source).sides), None)
    if video is None:
        sources = ", ".join(stage.sources)
        raise LaffError(f"'{stage.name}' learns towards a video feature, but its from names none: {sources}")
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
        options,
        options.seed,
        context.work.folder(stage.name),
        fingerprint,
        options.checkpoint,
    )
    with progress.bar(f"{stage.name} (fit)", options.epochs * trainer.steps, "step") as bar:
        trainer.progress = bar.to
        return trainer.run().record()
