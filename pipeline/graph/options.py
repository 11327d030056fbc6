"""Params of steps that other packages read as well, as dataclasses.

The `Options` of a step in pipeline/steps derive from these classes and check the values. `Stage.options_as` gives a
stage's params as one of these classes, so nobody has to import a step to read its params.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.errors import problems
from pipeline.graph.recipe import Learning

MOST_THREADS = 1024  # above any machine's cores; torch crashes on numbers far beyond
VECTORS = "vectors"  # the step that keeps vectors


@dataclass(frozen=True)
class DecodingLimits:
    """What decoding one video may take."""

    timeout: float = 120.0  # seconds that decoding one video may take
    memory: float = 4.0  # GiB that decoding one video may take


@dataclass(frozen=True)
class DecodeOptions(DecodingLimits):
    """How a decode stage looks at videos."""

    timeout: float = 60.0  # seconds for one video; for a video with windows, per five minutes
    memory: float = 4.0  # GiB that one video may take
    least: float = 0.5  # a video is used if at least this part of its expected frames is there and was decoded
    decoder: Literal["pyav", "decord"] = "pyav"  # the library that reads frames for features and for fine-tuning


@dataclass(frozen=True)
class ModelOptions:
    """Which models a train stage trains."""

    seeds: list[int] = field(default_factory=lambda: [2])  # one training each
    own: bool = True  # the block that `uses` names, over all features
    # further models, such as {mine: fusion.mine.Mine}: the name of a block or model; or, to change more, a mapping
    # {uses: …, params: …, video: […], text: […], options: …}
    baselines: dict[str, str | dict[str, Any]] = field(default_factory=dict)
    singles: bool = True  # train the block also on each video feature alone
    joint: list[str] = field(default_factory=list)  # text features whose encoder is trained inside the model


@dataclass(frozen=True)
class ModelTraining(Learning):
    """How one model of a train stage is trained."""

    # CPU threads of one training; its sums depend on them in their last bits. Trainings run side by side, which is
    # quicker than more threads each, but for a single large model
    threads: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"  # of matrix products while learning
    # the measure on val that chooses the best epoch, ends a training and lowers its learning rate; medr and meanr:
    # lower is better
    best: Literal["mrr", "r1", "r5", "r10", "medr", "meanr", "map"] = "mrr"
    average: int = 0  # keep the mean of the weights after each of the last so many epochs; 0 keeps the best epoch's
    init: str = ""  # start from trained weights: a best.pt, or a folder: a workspace, a package, or one with models
    # learning rates of encoders that `joint` names, as multiples of lr, such as {bert: 0.05}; 0 keeps one as it was.
    # Without a word here it is 0.01 for bert and 1 for gru
    joint_rates: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = [f"{name} {rate}" for name, rate in self.joint_rates.items() if not 0 <= rate < math.inf]
        if wrong:
            raise problems("training", [f"joint_rates: {', '.join(wrong)}; a rate should not be negative"])
        if not 1 <= self.threads <= MOST_THREADS:
            raise problems("training", [f"threads is {self.threads}; it should be 1 to {MOST_THREADS}"])
        if self.average < 0 or self.average > self.epochs:
            raise problems("training", [f"average is {self.average}; it should be 0 to epochs, {self.epochs}"])
        if 0 < self.patience < self.average:
            raise problems(
                "training",
                [
                    f"average is {self.average}, but a training may end {self.patience} epochs after its best: set "
                    f"patience to {self.average} or more, or to 0"
                ],
            )


@dataclass(frozen=True)
class PairOptions:
    """Which rows a rank stage ranks beside the models."""

    # rows without training, as name -> [video feature, text feature]; `fused` means the feature of this name on both
    # sides, if the train stage fuses it
    pairs: dict[str, list[str] | Literal["fused"]] = field(default_factory=dict)
    # second scoring, in rows of its own: a list of methods (dual-softmax, qb-norm, frame-max), or method -> its params
    rescore: list[str] | dict[str, dict[str, Any] | None] = field(default_factory=list)


@dataclass(frozen=True)
class VectorOptions:
    """What a vectors stage keeps."""

    models: list[str] = field(default_factory=list)  # MODEL, MODEL/seedN, or a feature of both sides; []: the default
    dtype: Literal["float32", "float16"] = "float32"  # of the kept values; rank reads float32 only


@dataclass(frozen=True)
class BootstrapOptions:
    """How an evaluate stage estimates confidence intervals."""

    bootstrap: int = 1000  # samples of the 95 % interval of R@10; queries of one video are drawn together
    seed: int = 0  # of these samples
