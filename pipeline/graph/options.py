"""Params of steps that other packages read as well, as dataclasses.

The `Options` of a step in pipeline/steps derive from these classes and check the values. `Stage.options_as` gives a
stage's params as one of these classes, so nobody has to import a step to read its params.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.graph.recipe import Learning

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

    precision: Literal["float32", "bfloat16"] = "float32"  # of matrix products while learning


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
