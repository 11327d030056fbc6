"""What the pipeline asks of an extractor. This module imports no torch, so that decoder processes start quickly.

Shape letters: B videos of a batch, M clips a video, T frames a clip, H and W pixels, D feature width, C captions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch import Tensor, nn


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video an extractor wants, and at which size."""

    frames: int  # T, frames per clip
    size: int  # short side in pixels after resizing
    crop: int  # side of the square centre crop, at most `size`
    clips: int = 1  # M, clips per video, evenly spaced
    stride: int = 0  # frames between two of a clip; 0 spreads the T frames over the whole video
    fps: float = 0.0  # the rate at which stride counts; 0 is the video's own
    filter: Literal["bilinear", "bicubic"] = "bilinear"  # both with antialiasing (PIL)

    def __post_init__(self) -> None:
        for name in ("frames", "size", "crop", "clips"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it should be at least 1")
        if self.crop > self.size:
            raise ValueError(f"crop {self.crop} is larger than size {self.size}")
        if self.stride < 0 or self.fps < 0:
            raise ValueError(f"stride {self.stride} and fps {self.fps} should not be negative")


@dataclass
class Pairs:
    """Captions of one split with their videos, for extractors that learn."""

    captions: list[str]  # C texts
    video_of: np.ndarray  # [C] int64: row in `videos` of each caption's video
    videos: Any  # V rows by integer array: features [V, D] float32, or frames [V, T, H, W, 3] uint8


class VideoExtractor(Protocol):
    """Cheap to build (no torch work in __init__), loads once per process, maps frames to features.

    `weights` of the constructor names an entry of stages.yaml, a file, or "random"; the pipeline turns it into
    the `weights` of `load`: a local file whose sha256 was checked, or None for random weights (seeded: the same
    in every process).
    """

    sides: tuple[str, ...]  # ("video",)
    dim: int  # D
    sampling: Sampling

    def load(self, device: str, weights: Path | None) -> None: ...
    def extract(self, frames: Tensor) -> Tensor: ...  # [B, M, T, H, W, 3] uint8 on device -> [B, D] float32


class TextExtractor(Protocol):
    """Maps captions to rows. What it learned from the train captions is its state: a dict of tensors and plain
    values that `torch.load(weights_only=True)` reads back."""

    sides: tuple[str, ...]  # ("text",)

    def fit(self, captions: Sequence[str]) -> dict[str, Any]: ...  # train captions -> state
    def load_state(self, state: dict[str, Any], device: str) -> None: ...
    def extract_text(self, captions: Sequence[str]) -> np.ndarray | csr_matrix: ...  # C texts -> [C, D]


class Task(Protocol):
    """A resumable training, driven by pipeline.training: batches of sample numbers in, a loss out."""

    samples: int  # training samples in an epoch

    @property
    def model(self) -> nn.Module: ...  # whose parameters learn

    def loss(self, rows: Tensor) -> Tensor: ...  # [B] int64 sample numbers -> scalar, to be differentiated
    def score(self) -> float: ...  # on the validation split, larger is better
    def state(self) -> dict[str, Any]: ...  # what `load_state` of the part (or a search) needs later
