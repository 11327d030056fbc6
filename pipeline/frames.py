"""Which frames of a video a Sampling wants: arithmetic on frame numbers, no pixels."""

from __future__ import annotations

import numpy as np

from extractors.base import Sampling


def wanted(sampling: Sampling, count: int, rate: float) -> np.ndarray:
    """Frame numbers in 0..count-1, [clips * T] int64, clip after clip, never falling within a clip.

    `count` is how many frames the video has, `rate` how many of them it shows per second.

    stride 0: the video is cut into clips * T equal stretches and the frame in the middle of each is taken: frame
    floor((j + 0.5) * count / (clips * T)) for j = 0 .. clips * T - 1.

    stride > 0: a clip lasts stride / fps seconds a frame, at any rate of the video: step = stride * rate / fps frames
    of it (step = stride where the sampling or the video states no rate). Clips lie by `rule`:
    - even: neighbours lie a step apart, so that a clip reaches over (T - 1) * step frames; the first of the clips
      begins with the video, the last ends with it, one clip alone is centred. Positions are rounded half up.
    - first: the same, and the one clip begins with the video.
    - slowfast, as the code of X3D's and TimeSformer's authors has it: a clip is a stretch of S = T * step frames, and
      its T positions are spread from the first frame of the stretch to the last, (S - 1) / (T - 1) apart; clip i of n
      begins at max(count - S, 0) * i / n, so one alone with the video. Positions are cut to whole numbers.
    A video that is shorter than a clip repeats its last frame.

    Raises ValueError when count is below 1.
    """
    if count < 1:
        raise ValueError(f"a video of {count} frames has none to choose from")
    clips, frames = sampling.clips, sampling.frames
    if not sampling.stride:
        j = np.arange(clips * frames, dtype=np.int64)
        return (2 * j + 1) * count // (2 * clips * frames)  # in integers: no rounding error at any length
    offsets, reach = _clip(sampling, rate)
    free = 0.0 if sampling.rule == "first" else max(count - reach, 0.0)
    if sampling.rule == "slowfast":
        starts = free * np.arange(clips) / clips
    else:
        starts = free * (np.arange(clips) / (clips - 1) if clips > 1 else np.array([0.5]))
    return np.minimum(_whole(sampling, starts[:, None] + offsets), count - 1).reshape(-1)


def present(sampling: Sampling, count: int, rate: float) -> int:
    """How many of the clips * T positions of `wanted` are frames of their own: all, or those at the front.

    In a video that is shorter than a clip these are the frames of the first clip before it repeats the last one; the
    other clips are the same again.
    """
    every = sampling.clips * sampling.frames
    if not sampling.stride:
        return every
    own = int((_whole(sampling, _clip(sampling, rate)[0]) < count).sum())
    return every if own == sampling.frames else own


def _clip(sampling: Sampling, rate: float) -> tuple[np.ndarray, float]:
    """Positions [T] in a clip that begins at 0, and how many frames of the video the clip takes up."""
    frames, k = sampling.frames, np.arange(sampling.frames)
    step = sampling.stride * rate / sampling.fps if sampling.fps > 0 and rate > 0 else float(sampling.stride)
    if sampling.rule == "slowfast":
        return (frames * step - 1) * k / max(frames - 1, 1), frames * step
    return step * k, (frames - 1) * step + 1


def _whole(sampling: Sampling, positions: np.ndarray) -> np.ndarray:
    """Frame numbers, int64."""
    return np.floor(positions + (0.0 if sampling.rule == "slowfast" else 0.5)).astype(np.int64)
