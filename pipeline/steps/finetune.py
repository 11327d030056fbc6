"""finetune: train CLIP on frames and captions of the train split; `clip-ft` extracts features with the result."""

import shutil
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline import files, progress
from pipeline.build.construct import construct
from pipeline.build.loaded import device
from pipeline.errors import LaffError
from pipeline.extraction.clips import no_decoder
from pipeline.graph import aggregators
from pipeline.graph.graph import Stage
from pipeline.graph.options import DecodingLimits
from pipeline.graph.recipe import Learning, Loss, check_seed
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import FIT, Unit, fit
from pipeline.training import frame_cache
from pipeline.weights import lookup
from pipeline.workers.tasks import Made


@dataclass(frozen=True)
class Options(DecodingLimits, Learning):
    """Parameters of the step.

    The LAFF authors used loss triplet, optimizer rmsprop and lr 1e-6. CLIP4Clip, whose aggregator has weights, used
    lr 1e-7 and head_rate 1000.
    """

    HELP = "Train CLIP on the train split."
    USES = True
    COMPUTES = True
    DECODES = True
    AFTER = "decode"
    LEARNS = "always"
    MAKES = ("best.pt",)
    WORKING = ("last.pt", "frames/{shard}")
    STALE = "the train or val split changed"
    HOW = ("timeout", "memory", "checkpoint", "keep_frames")

    loss: Loss = "infonce"
    optimizer: Literal["rmsprop", "adamw"] = "adamw"
    lr: float = 1e-6
    epochs: int = 5
    batch: int = 32
    clip: float = 1.0
    seed: int = 2  # of the random numbers while it learns
    keep_frames: bool = False  # keep the decoded frames for another fine-tuning
    aggregate: str = "fusion.frames.mean.Mean"  # class that makes one vector of a video's frames
    aggregate_params: dict[str, Any] = field(default_factory=dict)  # params of that class
    head_rate: float = 100.0  # learning rate of the aggregator, which starts untrained, as a multiple of lr

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seed(self.seed)
        if self.timeout <= 0 or self.memory <= 0:
            raise LaffError(f"timeout is {self.timeout} and memory {self.memory}; both should be above 0")
        if self.head_rate <= 0:
            raise LaffError(f"head_rate is {self.head_rate}; it should be above 0")


def units(context: Context, stage: Stage) -> list[Unit]:
    """One fit."""
    return [fit(context, stage)]


def problems(context: Context, stage: Stage) -> list[str]:
    """Mistakes that the part, its aggregator and the device report."""
    import torch

    part = construct(stage)
    if stage.aggregator:
        with torch.device("meta"):
            part.check()
    device(stage.name, stage.on)
    return no_decoder(context, stage) + aggregators.refused(context.graph, stage)


def keeps(context: Context, planned: Planned) -> list[str]:
    """The files of frames that a stage keeps for another fine-tuning; none unless `keep_frames`."""
    if not context.stage(planned.stage).options_as(Options).keep_frames:
        return []
    return [f"{frame_cache.FOLDER}/{number:05d}.h5" for number in range(len(context.catalog.shards("video")))]


def run(context: Context, planned: Planned) -> None:
    """Fine-tune; a killed run continues from its checkpoint."""
    import torch

    from fusion.losses import make
    from pipeline.training.trainer import Trainer

    stage = context.stage(planned.stage)
    options = stage.options_as(Options)
    (unit,) = planned.todo
    start = time.perf_counter()
    device_name = device(stage.name, stage.on)
    part = construct(stage, context)
    train, val, failed = frame_cache.pairs(context, stage, part.sampling)
    torch.set_num_threads(context.graph.threads)  # only now: decoding in this process sets its own number
    folder = context.work.folder(stage.name)
    try:
        further = lookup.further(stage, context.graph, context.work)
        part.load(device_name, lookup.get(stage, context.graph, context.work), **further)
        task = part.task(train, val, make(options.loss, options.mask, options.prior))
        task.factors = dict.fromkeys(getattr(task, "heads", ()), options.head_rate)
    except ValueError as error:
        raise LaffError(f"{stage.name}: {error}") from None
    # A video whose frames could be read only at a second try makes it another training.
    fingerprint = unit.fingerprint + unit.content + files.digest(sorted(line["video"] for line in failed))
    trainer = Trainer(task, options, options.seed, folder, fingerprint, options.checkpoint)
    with progress.bar(stage.name, options.epochs * trainer.steps, "step") as bar:
        trainer.progress = bar.to
        trained = trainer.run()
    if not options.keep_frames:
        shutil.rmtree(folder / frame_cache.FOLDER, ignore_errors=True)
    result = Made(stage.name, FIT, len(train.captions), time.perf_counter() - start, failed, trained.record())
    record(context, planned, result)
