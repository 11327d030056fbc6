"""What the pipeline asks of an extractor, and what it may say besides.

This module imports neither torch nor NumPy, so that plans and decoder processes start quickly.

Shape letters: B videos of a batch, M views a video (clips x crops), T frames a clip, H and W pixels, D feature width,
C captions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_matrix
    from torch import Tensor, nn

    from extractors.checkpoint import Layout


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video an extractor wants, and how they are resized and cropped."""

    frames: int  # T, frames per clip
    size: int  # short side in pixels after resizing; the height where `width` is given
    crop: int  # side of the square crops, at most `size`
    clips: int = 1  # clips per video
    stride: int = 0  # frames between two of a clip; 0 spreads the T frames over the whole video
    fps: float = 0.0  # the rate at which stride counts; 0 is the video's own
    # Where clips are (pipeline/video/positions.py), and how sides and rests are rounded (pipeline/video/pixels.py).
    rule: Literal["even", "first", "slowfast", "mmaction2"] = "even"
    filter: Literal["bilinear", "bicubic"] = "bilinear"
    antialias: bool = True  # as PIL resizes; False as OpenCV and torch's interpolate do (bilinear only)
    width: int = 0  # pixels after resizing, whatever the aspect ratio was; 0 keeps it
    crops: int = 1  # 1: the centre; 3: both ends and the centre of the longer side

    def __post_init__(self) -> None:
        for name in ("frames", "size", "crop", "clips"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it should be at least 1")
        if self.crop > self.size:
            raise ValueError(f"crop {self.crop} is larger than size {self.size}")
        if self.width and self.crop > self.width:
            raise ValueError(f"crop {self.crop} is larger than width {self.width}")
        if self.stride < 0 or self.fps < 0 or self.width < 0:
            raise ValueError(f"stride {self.stride}, fps {self.fps} and width {self.width} should not be negative")
        if self.crops not in (1, 3):
            raise ValueError(f"crops is {self.crops}; it should be 1 or 3")
        if self.filter == "bicubic" and not self.antialias:
            raise ValueError("filter bicubic is always antialiased; leave antialias true, or take bilinear")
        if self.rule == "first" and (self.clips > 1 or not self.stride):
            raise ValueError(f"rule first takes one clip and a stride above 0, not {self.clips} and {self.stride}")

    @property
    def views(self) -> int:
        """M: the number of clips times crops; the crops of a clip are neighbours."""
        return self.clips * self.crops

    def __str__(self) -> str:
        """The sampling in words: 10 clips of 16 frames, 5 apart at 30 fps, short side 356 bilinear, centre crop 312."""
        which = f"{self.clips} clips of {self.frames} frames" if self.clips > 1 else f"{self.frames} frames"
        if not self.stride:
            which += " spread over the video"
        else:
            which += f", {self.stride} apart" + (f" at {self.fps:g} fps" if self.fps else " at the video's rate")
            which += {
                "even": "",
                "first": ", from the first on",
                "slowfast": ", placed as by SlowFast",
                "mmaction2": ", placed as by mmaction2",
            }[self.rule]
        side = f"height {self.size} and width {self.width}" if self.width else f"short side {self.size}"
        how = self.filter + (" with antialiasing" if self.antialias else " without antialiasing")
        crop = f"3 crops of {self.crop} (both ends and centre)" if self.crops == 3 else f"centre crop {self.crop}"
        return f"{which}, {side} {how}, {crop}"


@dataclass
class Pairs:
    """The captions of a split with their videos, for extractors that learn."""

    captions: list[str]  # C texts
    video_of: np.ndarray  # [C] int64: row in `videos` of each caption's video
    videos: Any  # V rows by integer array: features [V, D] float32, or frames [V, T, H, W, 3] uint8
    counts: np.ndarray | None = None  # [V] int64: the first counts[v] frames are a video's own; None: all T


class VideoExtractor(Protocol):
    """Maps frames to features: cheap to build (no torch work in __init__), loaded once in a process.

    `weights` of the constructor is the name of an entry of extractors/weights.yaml, a file, or "random". `load` gets
    another `weights` from the pipeline: a local file whose sha256 was checked, or None for random weights (seeded: the
    same in every process).
    """

    sides: tuple[str, ...]  # ("video",)
    dim: int  # D
    sampling: Sampling

    def load(self, device: str, weights: Path | None) -> None:
        """Build the network on a device, with weights from a file or random ones."""

    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 on the device -> [B, D] float32."""


class TextExtractor(Protocol):
    """Maps captions to rows.

    What it learned from the train captions is its state: a dict of tensors and plain values that
    `torch.load(weights_only=True)` reads back.
    """

    sides: tuple[str, ...]  # ("text",)

    def fit(self, captions: Sequence[str]) -> dict[str, Any]:
        """Learn from the train captions -> the state."""

    def load_state(self, state: dict[str, Any], device: str) -> None:
        """Restore a state that `fit` or a training returned."""

    def extract_text(self, captions: Sequence[str]) -> np.ndarray | csr_matrix:
        """C texts -> [C, D]."""


class Members:
    """The optional members of an extractor, with their defaults; its Protocol lists those that it must have.

    An extractor sets the members that it needs as its own attributes; it does not inherit from this class. `member`
    reads the members of an object. The members in capitals, and `sparse`, are also read from the source of a class that
    is not imported (pipeline.parts.classes), so write them as literals; only LAYOUTS is read from objects alone.

    An extractor may also have these methods; the pipeline finds them by hasattr:
        knows(word) -> bool: whether its vocabulary has a word, as extractors.words.tokenise gives it.
        check_captions(captions): raises ValueError if `fit` would learn nothing from these train captions.
        vector_width() -> int: the width of the word vectors that `fit` gives, known before `fit`.
        encoder(words, vectors, seed) -> nn.Module, tokens(captions, words): its encoder learns inside a fusion model
        (`joint`). With vocabulary(captions) -> words it has those of the train captions; without, it is loaded first,
        and `size` says how many kinds of tokens it has. A member `rate` is the encoder's learning rate as a multiple of
        the model's.
        task(train: Pairs, val: Pairs, …) -> Task: replaces `fit` by a training in steps, which can be resumed.
        plug(aggregator), check(aggregator): for an extractor that is fine-tuned together with a module over frames.
    """

    # Frames of videos; `level`, `colours`, `mean`, `std` are written into shards.
    # "frame": extract gives [B, M*T, D]; the rows of frames that a short video lacks become zeros.
    level: Literal["video", "frame"] = "video"
    colours: Literal["RGB", "BGR"] = "RGB"  # the order of colours that the network expects
    mean: tuple[float, ...] | None = None  # three numbers for values in 0..1, by which pixels are normalised
    std: tuple[float, ...] | None = None  # three numbers for values in 0..1, by which pixels are normalised
    # If true, `extract` also gets `counts` [B] int64. The first counts[b] frames are a video's own, and the others
    # repeat the last one (pipeline.video.positions.present). The rows of these are not set to zero then.
    counted: bool = False
    sampling: Sampling | None = None  # None: it reads no videos
    dim: int = 1  # D; 1 if it is known only after `fit`

    # Captions.
    sparse: bool = False  # whether extract_text gives rows in CSR

    # Weights and files.
    about: Mapping[str, Any] = MappingProxyType(
        {}
    )  # facts that `load` read from its files, for JSON; written to shards
    LAYOUTS: tuple[Layout, ...] = ()  # the kinds of checkpoints that it reads
    # {parameter: extractor} for parameters that name further weights, made for that extractor; `load` gets their file
    # by a keyword with the parameter's name.
    WEIGHTS: Mapping[str, str] = MappingProxyType({})
    FILES: tuple[str, ...] = ()  # parameters that name files: in fingerprints their content counts, not their path
    CONFIGS: tuple[tuple[str, str], ...] = ()  # (parameter that may name a JSON file shipped with laff, its folder)
    BESIDE: tuple[str, ...] = ()  # names of files that it reads from the folder of its weights file
    FREE: tuple[
        str, ...
    ] = ()  # parameters that a stage may set differently from the finetune stage that it borrows from
    CLASSIFIES: bool = False  # whether the network keeps its classifier

    # {module of a package that may be missing where the rest of laff is installed: the parameter that spares it where
    # it is given, or ""}. It is asked for before work begins. A class that learns needs it only while it does.
    NEEDS: Mapping[str, str] = MappingProxyType({})


def member(part: object, name: str) -> Any:
    """A member of an extractor, or its default in Members if the extractor does not have it."""
    return getattr(part, name, getattr(Members, name))


class Task(Protocol):
    """A training that can be resumed: pipeline.training.trainer gives it sample numbers and gets a loss."""

    samples: int  # training samples in an epoch

    @property
    def model(self) -> nn.Module:
        """The module whose parameters learn."""

    def loss(self, samples: Tensor, /) -> Tensor:
        """Numbers of samples [B] int64 -> a scalar to be differentiated."""

    def score(self) -> float:
        """How good the model is on the validation split: larger is better, where no `measure` says otherwise."""

    def state(self) -> dict[str, Any]:
        """The state, as `load_state` of the extractor takes it, or a search."""
