"""Which frames of a video a Sampling wants: arithmetic on frame numbers, no pixels."""

from __future__ import annotations

import numpy as np

from extractors.base import Sampling


def wanted(sampling: Sampling, count: int, rate: float) -> np.ndarray:
    """Frame numbers in 0..count-1, [clips * T] int64, clip after clip, never falling within a clip.

    `count` is how many frames the video has, `rate` how many of them it shows per second.

    stride 0: the video is cut into clips * T equal stretches and the frame in the middle of each is taken: frame
    floor((j + 0.5) * count / (clips * T)) for j = 0 .. clips * T - 1.

    stride > 0: two neighbours of a clip lie step = stride * rate / fps frames apart (step = stride where the sampling
    or the video states no rate), so that a clip lasts equally long at any rate. A clip reaches over (T - 1) * step
    frames; the first of the clips begins with the video, the last ends with it, one clip alone is centred. Positions
    are rounded half up. In a video that is shorter than a clip, each clip begins with the video and repeats its last
    frame. With `first` the one clip always begins with the video.

    Raises ValueError when count is below 1.
    """
    if count < 1:
        raise ValueError(f"a video of {count} frames has none to choose from")
    clips, frames = sampling.clips, sampling.frames
    if not sampling.stride:
        j = np.arange(clips * frames, dtype=np.int64)
        return (2 * j + 1) * count // (2 * clips * frames)  # in integers: no rounding error at any length
    step = _step(sampling, rate)
    free = 0.0 if sampling.first else max(count - 1 - (frames - 1) * step, 0.0)
    starts = free * (np.arange(clips) / (clips - 1) if clips > 1 else np.array([0.5]))
    return np.minimum(_rounded(starts[:, None] + step * np.arange(frames)), count - 1).reshape(-1)


def present(sampling: Sampling, count: int, rate: float) -> int:
    """How many of the clips * T positions of `wanted` are frames of their own: all, or those at the front.

    In a video that is shorter than a clip these are the frames of the first clip before it repeats the last one; the
    other clips are the same again.
    """
    every = sampling.clips * sampling.frames
    if not sampling.stride:
        return every
    own = int((_rounded(_step(sampling, rate) * np.arange(sampling.frames)) < count).sum())
    return every if own == sampling.frames else own


def _step(sampling: Sampling, rate: float) -> float:
    """Frames of the video between two of a clip."""
    return sampling.stride * rate / sampling.fps if sampling.fps > 0 and rate > 0 else float(sampling.stride)


def _rounded(positions: np.ndarray) -> np.ndarray:
    return np.floor(positions + 0.5).astype(np.int64)
