"""Work that is shown while a block runs: a bar, or the stages of a run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.progress.bars import Bar
from pipeline.progress.lines import write
from pipeline.progress.screen import SCREEN
from pipeline.progress.stages import Stages

EVERY = 30.0  # seconds between two lines of a bar where there is no terminal, and in the log


@contextmanager
def bar(name: str, total: int, unit: str) -> Iterator[Bar]:
    """A bar that is shown while the block runs, below those that are shown already.

    Without a terminal a line is shown every 30 seconds and at the end; the log gets these lines in any case. Work of
    which nothing was done and whose size never became known, such as a download that never began, has no last line.
    """
    shown_bar, ended = Bar(name, total, unit), threading.Event()
    drawn = SCREEN.add(shown_bar)

    def write_lines() -> None:
        while not ended.wait(EVERY):
            write(shown_bar.line(), quiet=drawn)

    thread = threading.Thread(target=write_lines, daemon=True, name=f"progress of {name}")
    thread.start()
    try:
        yield shown_bar
    finally:
        ended.set()
        thread.join()
        SCREEN.remove(shown_bar)
        if shown_bar.done or shown_bar.total:
            write(shown_bar.line(ended=True), quiet=drawn)


@contextmanager
def running(stages: Stages) -> Iterator[None]:
    """Show the stages of a run on a terminal while the block runs, above the bars."""
    SCREEN.add(stages)
    try:
        yield
    finally:
        SCREEN.remove(stages)


def has_display() -> bool:
    """Whether a display stands at the end of the terminal, so that what is written there begins with a new line."""
    return SCREEN.live
