"""Windows: the parts of videos that items are, by their bounds in seconds."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

CLOCK = re.compile(r"(?:(?:(\d+):)?([0-5]?\d):)?(\d+(?:\.\d*)?|\.\d+)", re.ASCII)  # [[h:]mm:]ss[.fff]
DIGITS = 3  # behind the point, of the seconds in an id


class Window(NamedTuple):
    """A part of a video, half open: what is shown from `start` until before `end`, in seconds."""

    start: float = 0.0
    end: float = math.inf

    @property
    def wrong(self) -> str:
        """What is wrong with the bounds, in words; '' if nothing is."""
        if self.start < 0 or not math.isfinite(self.start):
            return f"starts at {self.start:g}; a window starts at 0 seconds or later"
        if self.end <= self.start:
            return f"goes from {seconds_text(self.start)} to {seconds_text(self.end)}: its end should be later"
        if seconds_text(self.start) == seconds_text(self.end):
            return f"goes from {self.start!r} to {self.end!r}: a window lasts a millisecond at least"
        return ""

    def name(self, video: str) -> str:
        """The id of this part of a video where nobody gives it another one, such as `pasta@10-20`."""
        return f"{video}@{seconds_text(self.start)}-{seconds_text(self.end)}"


WHOLE = Window()


def seconds_text(seconds: float) -> str:
    """Seconds with up to three digits behind the point, without zeros at the end."""
    text = f"{seconds:.{DIGITS}f}" if math.isfinite(seconds) else str(seconds)
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds_of(text: str) -> float | None:
    """The seconds that `12.5`, `1:02.5` or `h:mm:ss` says; None where a text is nothing of these."""
    match = CLOCK.fullmatch(text.strip())
    if not match:
        return None
    hours, minutes, seconds = match.groups()
    if minutes is not None and float(seconds) >= 60:
        return None
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds)


def clock(seconds: float) -> str:
    """Seconds as a player shows them: m:ss or h:mm:ss, with tenths if they are not whole."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    text = f"{rest // 10:02}" + (f".{rest % 10}" if rest % 10 else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{text}" if hours else f"{minutes}:{text}"


def even(duration: float, seconds: float, stride: float) -> list[Window]:
    """Windows of `seconds` that begin `stride` seconds apart, up to the end of a video of `duration` seconds.

    The last one ends with the video. If the rest is shorter than half a stride, the last window is made longer instead.
    [] if the duration is 0.
    """
    windows: list[Window] = []
    while duration > 0 and (not windows or windows[-1].end < duration):
        start = len(windows) * stride
        if windows and duration - windows[-1].end < stride / 2:
            windows[-1] = Window(windows[-1].start, duration)
        else:
            windows.append(Window(start, min(start + seconds, duration)))
    rounded = [Window(round(window.start, DIGITS), round(window.end, DIGITS)) for window in windows]
    return [window for window in rounded if not window.wrong]
