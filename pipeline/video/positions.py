"""Which frames of a video a Sampling wants: arithmetic on frame numbers, no pixels."""

from __future__ import annotations

import numpy as np

from extractors.base import Sampling


def wanted(sampling: Sampling, count: int, rate: float) -> np.ndarray:
    """Frame numbers in 0..count-1, [clips * T] int64, clip after clip; within a clip they never fall but for mmaction2.

    `count` is how many frames the video has, `rate` how many of them it shows per second.

    stride 0: the video is cut into clips * T equal stretches and the frame in the middle of each is taken: frame
    floor((j + 0.5) * count / (clips * T)) for j = 0 .. clips * T - 1.

    stride > 0: a clip lasts stride / fps seconds a frame, at any rate of the video: step = stride * rate / fps frames
    of it (step = stride where the sampling or the video states no rate). Clips lie by `rule`:
    - even: neighbours lie a step apart, so that a clip reaches over (T - 1) * step frames; the first of the clips
      begins with the video, the last ends with it, one clip alone is centred. Positions are rounded half up.
    - first: the same, and the one clip begins with the video.
    - slowfast, as the code of X3D's and TimeSformer's authors has it: a clip is a stretch of S = T * step frames, and
      its T positions are spread from the first frame of the stretch to the last, (S - 1) / (T - 1) apart, in float32,
      and cut to whole numbers; clip i of n begins at max(count - S, 0) * i / n, rounded up: one alone with the video.
    - mmaction2, as its SampleFrames does in tests since October 2022: the first clip begins with the video, the last
      ends with it, one alone is centred. With fps 0 (there: no target_fps) a clip reaches over (T - 1) * stride + 1
      frames; beginnings are rounded half to even, of one alone down. With fps a clip is a stretch of S = T * step
      frames, its positions are spread from the first frame of the stretch to the last and cut; beginnings are whole
      frames apart, rounded down, so the last clip may end before the video. Clips of one frame lie as with
      stride 0.
    A video that is shorter than a clip repeats its last frame; for mmaction2 it begins anew.

    Raises ValueError when count is below 1.
    """
    if count < 1:
        raise ValueError(f"a video of {count} frames has none to choose from")
    clips, frames = sampling.clips, sampling.frames
    if not sampling.stride or (sampling.rule == "mmaction2" and frames == 1):
        j = np.arange(clips * frames, dtype=np.int64)
        return (2 * j + 1) * count // (2 * clips * frames)  # in integers: no rounding error at any length
    offsets, reach = _clip(sampling, rate)
    positions = _whole(sampling, _starts(sampling, max(count - reach, 0.0)), offsets)
    return (positions % count if sampling.rule == "mmaction2" else np.minimum(positions, count - 1)).reshape(-1)


def present(sampling: Sampling, count: int, rate: float) -> int:
    """How many of the clips * T positions of `wanted` are frames of their own: all, or those at the front.

    In a video that is shorter than a clip these are the frames of the first clip before it repeats the last one; the
    other clips are the same again.
    """
    every = sampling.clips * sampling.frames
    if not sampling.stride:
        return every
    inside = int((_whole(sampling, np.zeros(1), _clip(sampling, rate)[0]) < count).sum())
    return every if inside == sampling.frames else inside


def _clip(sampling: Sampling, rate: float) -> tuple[np.ndarray, float]:
    """Positions [T] in a clip that begins at 0, and how many frames of the video the clip takes up."""
    frames, k = sampling.frames, np.arange(sampling.frames)
    step = sampling.stride * rate / sampling.fps if sampling.fps > 0 and rate > 0 else float(sampling.stride)
    if sampling.rule == "slowfast":
        return _linspace(frames * step - 1, frames), frames * step
    if sampling.rule == "mmaction2" and sampling.fps > 0:
        reach = max(frames * step, 1.0)
        return np.linspace(0, reach - 1, frames), reach
    return step * k, (frames - 1) * step + 1


def _starts(sampling: Sampling, free: float) -> np.ndarray:
    """Where the clips begin [clips], if a clip leaves `free` frames of the video over."""
    clips, number = sampling.clips, np.arange(sampling.clips)
    if sampling.rule == "slowfast":
        return np.ceil(free * number / clips)
    if sampling.rule == "first":
        return np.zeros(1)
    if sampling.rule == "mmaction2":
        if clips == 1:
            return np.floor([free / 2])
        apart = free / (clips - 1)
        starts: np.ndarray = number * np.floor(apart) if sampling.fps > 0 else np.rint(number * apart)
        return starts
    return free * number / (clips - 1) if clips > 1 else np.array([free / 2])


def _linspace(end: float, count: int) -> np.ndarray:
    """0 .. end [count] as torch.linspace computes it in float32: from both ends, so that the last is exact."""
    last = np.float32(end)
    step = last / np.float32(max(count - 1, 1))
    k = np.arange(count, dtype=np.float32)
    return np.where(k < count // 2, step * k, last - step * (count - 1 - k)) if count > 1 else np.zeros(1, np.float32)


def _whole(sampling: Sampling, starts: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Frame numbers [clips, T] int64."""
    numbers: np.ndarray
    if sampling.rule in ("slowfast", "mmaction2"):
        numbers = starts[:, None] + np.floor(offsets)
    else:
        numbers = np.floor(starts[:, None] + offsets + 0.5)
    return numbers.astype(np.int64)
