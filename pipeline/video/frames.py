"""The result of reading a video, or a window of one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

LONG = 100  # frames; to open a shorter file takes as long as to decode it


@dataclass(frozen=True)
class Frames:
    """One video as the extractors want it, and how it was read."""

    arrays: list[np.ndarray]  # for each Sampling [M, T, crop, crop, 3] uint8 RGB; zeros where it is in `lost`
    count: int  # frames that were decoded; packets where the frames were sought
    fps: float
    passes: int  # times the file was decoded: 1, or more when the packets promised another count
    present: list[
        int
    ]  # for each Sampling how many of its M * T frames are the video's own: `pipeline.video.positions.present`
    decoded: list[int]  # for each Sampling the frames that it was given a choice of: `count`, packets where sought
    sought: bool = False  # whether only the neighbourhoods of the wanted frames were decoded
    lost: dict[int, str] = field(default_factory=dict)  # number of a Sampling that cannot be served -> why
