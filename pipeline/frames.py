"""Which frames of a video a Sampling wants: arithmetic on frame numbers, no pixels."""

from __future__ import annotations

import numpy as np

from extractors.base import Sampling


def wanted(sampling: Sampling, count: int, rate: float) -> np.ndarray:
    """Frame numbers in 0..count-1, [M * T] int64, clip after clip, never falling within a clip.

    `count` is how many frames the video has, `rate` how many of them it shows per second.

    stride 0: the video is cut into M * T equal stretches and the frame in the middle of each is taken: frame
    floor((j + 0.5) * count / (M * T)) for j = 0 .. M * T - 1.

    stride > 0: two neighbours of a clip lie step = stride * rate / fps frames apart (step = stride where the sampling
    or the video states no rate), so that a clip lasts equally long at any rate. A clip reaches over (T - 1) * step
    frames; the first of M clips begins with the video, the last ends with it, one clip alone is centred. Positions
    are rounded half up. In a video that is shorter than a clip, each clip begins with the video and repeats its last
    frame.

    Raises ValueError when count is below 1.
    """
    if count < 1:
        raise ValueError(f"a video of {count} frames has none to choose from")
    clips, frames = sampling.clips, sampling.frames
    if not sampling.stride:
        j = np.arange(clips * frames, dtype=np.int64)
        return (2 * j + 1) * count // (2 * clips * frames)  # in integers: no rounding error at any length
    step = sampling.stride * rate / sampling.fps if sampling.fps > 0 and rate > 0 else float(sampling.stride)
    free = max(count - 1 - (frames - 1) * step, 0.0)
    starts = free * (np.arange(clips) / (clips - 1) if clips > 1 else np.array([0.5]))
    positions = starts[:, None] + step * np.arange(frames)
    return np.minimum(np.floor(positions + 0.5), count - 1).astype(np.int64).reshape(-1)
