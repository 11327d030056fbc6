"""Which frames of a video are those of a window, a part of it between two times: arithmetic, no pixels.

Times count from when the first frame appears. A window has the frames that appear in it, from its start until before
its end; where none does, the one that appears nearest to its middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.video.media import VideoError

ROUNDING = 0.0006  # seconds; a frame that appears so little before a bound counts as behind it: bounds are rounded to
# milliseconds, and so are the times of frames in Matroska


class Span(NamedTuple):
    """Frames of a video by their numbers in the order of showing."""

    first: int
    frames: int  # how many, at least 1

    @property
    def stop(self) -> int:
        """The number behind the last one."""
        return self.first + self.frames


@dataclass(frozen=True)
class FrameTable:
    """When each frame of a video is shown, by what its packets say (`pipeline.video.timeline`)."""

    times: np.ndarray  # [F] float64 seconds from the first frame's appearance, rising
    marks: np.ndarray | None  # [F] int64, the times that frames themselves say, in ticks; None: told by their order
    keys: np.ndarray  # [K] int64, rising: times of keyframes, in ticks
    fps: float  # at which samplings count
    seconds: float  # from the first frame's appearance to the last one's end

    def span(self, start: float, end: float) -> Span:
        """Frames of the window [start, end) in seconds. Raises VideoError where it begins behind the video's end."""
        if start >= self.seconds:
            raise VideoError(f"the window begins at {start:.6g} s, but the video lasts {self.seconds:.6g} s")
        first, stop = np.searchsorted(self.times, [start - ROUNDING, end - ROUNDING])
        if first < stop:
            return Span(int(first), int(stop - first))
        middle = (start + min(end, self.seconds)) / 2
        return Span(int(np.argmin(np.abs(self.times - middle))), 1)

    def short(self, end: float) -> str:
        """A note on a window that ends more than a frame behind the video's end; '' for any other."""
        if math.isinf(end) or end <= self.seconds + 1 / self.fps:
            return ""
        return f"used as far as it goes: the window ends at {end:.6g} s, but the video lasts {self.seconds:.6g} s"

    def expected(self, span: Span, end: float, lacking: int) -> int:
        """Frames that a window should give, of a file that lacks so many behind its last packet."""
        if lacking <= 0 or end <= self.seconds:
            return span.frames
        return span.frames + math.floor(min(lacking, (end - self.seconds) * self.fps + 0.01))

    def by_order(self, count: int) -> FrameTable:
        """The table for a decoder that gives `count` frames instead of those of the packets: evenly spaced at `fps`."""
        return FrameTable(np.arange(count) / self.fps, None, self.keys, self.fps, count / self.fps)


class Numbering:
    """Finds which frame of the table each decoded one is.

    It is the one whose time it says; one that says none, or no later one than that before, follows the one before. So
    frames that are lost in decoding make no other one count as theirs, and the number depends only on what came before.
    """

    def __init__(self, table: FrameTable) -> None:
        self._numbers = {} if table.marks is None else {int(mark): at for at, mark in enumerate(table.marks)}
        self._last = -1

    def number(self, mark: int | None) -> int:
        """The number of the next frame, which says that it is shown then, in ticks; numbers rise."""
        known = self._numbers.get(mark, -1) if mark is not None else -1
        self._last = known if known > self._last else self._last + 1
        return self._last
