"""What the terminal shows at its end while work goes on: the stages of a run, and the bars of what is done now."""

import time
from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING

from pipeline.progress.bars import Bar
from pipeline.progress.picture import Line, picture
from pipeline.progress.stages import Stages
from pipeline.progress.stderr import present, watched

if TYPE_CHECKING:
    from pipeline.progress.live import Region


class Screen:
    """The live display of this process: it is there as long as there is a run or a bar to show, and a terminal."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._lock = RLock()
        self._stages: list[Stages] = []  # of the run that goes on
        self._bars: list[Bar] = []
        self._region: Region | None = None
        self._other: Callable[[str, bool], None] | None = None  # who shows what this process says, if not it itself

    @property
    def live(self) -> bool:
        """Whether there is a display."""
        return self._region is not None

    def add(self, shown: Stages | Bar) -> bool:
        """Show the stages of a run, or a bar below the other bars -> whether there is a display."""
        with self._lock:
            if isinstance(shown, Stages):
                self._stages.append(shown)
            else:
                self._bars.append(shown)
            if self._region is None and self._other is None and watched():
                from pipeline.progress.live import Region

                self._region = Region(present(), self._picture)
                self._region.start()
            return self.live

    def remove(self, shown: Stages | Bar) -> None:
        """Show it no more; the display ends with the last of them."""
        with self._lock:
            if isinstance(shown, Stages):
                self._stages.remove(shown)
            else:
                self._bars.remove(shown)
            region = self._region
            if region is None or self._stages or self._bars:
                return
            self._region = None
        region.stop()

    def leave_to(self, other: Callable[[str, bool], None]) -> None:
        """From here on give what is said to `other`, as (line, whether for the log alone): a parent that shows it."""
        self._region, self._other = None, other
        self._lock = RLock()  # another thread may have held the parent's at the fork

    def elsewhere(self, text: str, quiet: bool) -> bool:
        """Give a line to another process -> whether there is one that shows it."""
        if self._other is not None:
            self._other(text, quiet)
        return self._other is not None

    def above(self, text: str) -> bool:
        """Show a line above the display -> whether there is one."""
        region = self._region
        if region is None:
            return False
        region.above(text)
        return True

    def _picture(self, width: int, height: int, ascii_only: bool) -> list[Line]:
        stages, bars = self._stages[-1:], list(self._bars)
        return picture(stages[0] if stages else None, bars, width, height, ascii_only, time.monotonic())


SCREEN = Screen()  # a process has one terminal
