"""Lines for a person: above the display on a terminal, else with the time of day; all of them also for the log."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.progress.screen import SCREEN
from pipeline.progress.stderr import present, watched

CLOCK = "%Y-%m-%d %H:%M:%S"
LOG = logging.getLogger("laff")  # gets every line that is shown; pipeline.store.log writes it into a file


def say(text: str) -> None:
    """Show a line on standard error, above the display, and write it into the log. Any thread may do so."""
    write(text)


def note(text: str) -> None:
    """Write a line into the log and, where standard error is no terminal with a display, show it there."""
    write(text, quiet=watched())


def tell(text: str) -> None:
    """Show a line to a person at a terminal, and to nobody else: logs and pipes begin with the work itself."""
    if watched():
        say(text)


class _Saying(logging.Handler):
    """Shows the lines that a library logs."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


@contextmanager
def heard(name: str) -> Iterator[None]:
    """Show the lines that the modules of a package log inside the block."""
    logger, handler = logging.getLogger(name), _Saying()
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def write(text: str, quiet: bool = False) -> None:
    """Write a line into the log and, unless quiet, to standard error."""
    if SCREEN.elsewhere(text, quiet):
        return
    LOG.info(text)
    if quiet or SCREEN.above(text):
        return
    stream = present()
    stream.write(f"{text}\n" if watched() else f"{time.strftime(CLOCK)} {text}\n")
    stream.flush()
