"""How much of a piece of work is done: units of a total, their rate, and the time that is left."""

import time
from collections import deque

WINDOW = 30.0  # seconds of which the rate on a terminal is the mean
STEP = 1.0  # seconds between two looks at how many are done


class Bar:
    """Counts how many units of a total are done. One thread at a time moves it."""

    def __init__(self, name: str, total: int, unit: str) -> None:
        """Begin at 0; unit: the word for one of them, such as video."""
        self.name, self.total, self.unit = name, total, unit
        self.done = 0
        self.note = ""
        self._start = time.monotonic()
        self._seen = deque([(self._start, 0)])  # (time, units done then), over the last WINDOW

    def advance(self, count: int = 1, note: str = "") -> None:
        """Add `count` units."""
        self.to(self.done + count, self.total, note or self.note)

    def to(self, done: int, total: int, note: str) -> None:
        """Set the number of units that are done, their total, which a training may change, and a note."""
        self.done, self.total, self.note = done, total, note

    @property
    def units(self) -> str:
        """The word for several of them: `videos`; MB and other words that mean several already stay as they are."""
        return self.unit if self.unit.isupper() or self.unit.endswith("s") else f"{self.unit}s"

    def line(self, ended: bool = False) -> str:
        """A line with the units done and the time left, or, when the work has ended, the time it took."""
        elapsed = time.monotonic() - self._start
        share = f", {self.done / self.total:.0%}" if self.total else ""
        text = f"{self.name}: {self.done}/{self.total} {self.units}"
        if ended:
            text += f" in {clock(elapsed)}"
        else:
            text += f"{share}, {self.left(self.done / elapsed if elapsed else 0.0)} left"
        return text + (f", {self.note}" if self.note else "")

    def rate(self, now: float) -> float:
        """Units a second in the last half minute, in all the time where none was done in it; 0 where unknown.

        now: the present by time.monotonic.
        """
        while len(self._seen) > 1 and now - self._seen[1][0] >= WINDOW:
            self._seen.popleft()
        if now - self._seen[-1][0] >= STEP:
            self._seen.append((now, self.done))
        since, before = self._seen[0]
        if now > since and self.done > before:
            return (self.done - before) / (now - since)
        return self.done / (now - self._start) if now > self._start else 0.0

    def left(self, rate: float) -> str:
        """The time left at a rate in units a second, as 01:20; ? where it is unknown."""
        return clock((self.total - self.done) / rate) if rate and self.total >= self.done else "?"


def clock(seconds: float) -> str:
    """A time as 01:20 or 1:23:20."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
