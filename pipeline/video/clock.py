"""How the frames of a stream follow each other, from the times of its packets.

The rule. A step between neighbours in time is long from GAP times the median step on. Frames take the mean step where
no step is long, or many are (more than FEW of them), as in a recording of a screen, which has a frame for each change.
A few long ones are pauses: a frame takes the mean of the typical steps, half to one and a half times the median. The
seconds are those from the first frame to the end of the last, pauses and all, unless the header says another length.

Where times jump, only typical steps count, for the seconds too, each jump as one of them; they are told between packets
that follow each other in the file. Times jump where some are missing, go back, or take a step that no recording takes:
longer than WILD seconds, than GAP times the median and than all steps together that are not that long. Where packets
don't say when each is shown, it is when they are decoded; where not even that, each lasts as long as it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

GAP = 4  # times the median step; one as long is a pause, not a slow frame
FEW = 1 / 8  # part of the steps; long ones up to there, or one alone, are pauses in an even clock
WILD = 10  # seconds; FFmpeg takes a longer step for a discontinuity (its dts_delta_threshold)


@dataclass(frozen=True)
class Clock:
    """The step and the length of a stream's frames, by the rules above."""

    step: float  # seconds that a frame takes; 0 where nothing tells
    seconds: float  # from the first frame to the end of the last
    jumps: bool = False  # whether only typical steps count
    pauses: float = 0.0  # seconds of them in `seconds`, which count for no frame


def clock(shown: list[int | None], decoded: list[int | None], durations: list[int], base: float) -> Clock:
    """The clock of packets in the order of the file, from their times in ticks of `base` seconds."""
    count = len(shown)
    shown = showing_times(shown, decoded)
    times = np.sort([time for time in shown if time is not None])
    steps = np.diff(times)
    if in_order(shown, decoded) and not _wild(steps, WILD / base if base else 0.0):
        step, pauses = _paced(steps)
        last, end = int(times[-1]), max(time + length for time, length in zip(shown, durations, strict=True))  # type: ignore[operator]
        seconds = (max(end, last + (step if end <= last else 0)) - int(times[0])) * base
        return Clock(step * base, seconds, pauses=pauses * base)
    forward = np.array([b - a for a, b in pairwise(decoded) if a is not None and b is not None and b > a])
    if len(forward) < (count - 1) / 2:  # too few have a time of decoding
        forward = steps[steps > 0]
    if not len(forward):
        step = sum(durations) / max(count, 1)
        return Clock(step * base, step * base * count)
    step = _typical(forward)
    kept = forward[forward < GAP * _median(forward)]
    return Clock(step * base, (float(kept.sum()) + step * (count - len(kept))) * base, True)


def showing_times(shown: list[int | None], decoded: list[int | None]) -> list[int | None]:
    """When each packet is shown, or where not all say so, when it is decoded: H.264 in AVI."""
    return decoded if None not in decoded and (None in shown or len(set(shown)) < len(shown)) else shown


def in_order(times: list[int | None], decoded: list[int | None]) -> bool:
    """Whether all packets have a time of their own and none is decoded before the one that is ahead of it."""
    known = [time for time in times if time is not None]
    follow = np.diff([time for time in decoded if time is not None])
    return len(set(known)) == len(times) > 0 and not (follow < 0).any()


def _wild(steps: np.ndarray, longest: float) -> bool:
    """Whether one step is longer than `longest`, than GAP times the median, and than all that are not, together."""
    far = steps > max(longest, GAP * _median(steps)) if len(steps) else steps > 0
    return bool(far.any() and steps[far].max() > steps[~far].sum())


def _paced(steps: np.ndarray) -> tuple[float, float]:
    """What a frame takes, and how much longer all pauses together are than a frame each; both in ticks."""
    if not len(steps):
        return 0.0, 0.0
    long = steps[steps >= GAP * _median(steps)]
    if not 0 < len(long) <= max(1, FEW * len(steps)):
        return float(steps.mean()), 0.0
    step = _typical(steps)
    return step, float(long.sum()) - step * len(long)


def _typical(steps: np.ndarray) -> float:
    """The mean of the steps that are half to one and a half times the median."""
    middle = _median(steps)
    return float(steps[(steps >= middle / 2) & (steps <= 1.5 * middle)].mean())


def _median(steps: np.ndarray) -> float:
    """The lower median: a pause in a video of three frames is no typical step."""
    return float(np.sort(steps)[(len(steps) - 1) // 2])
