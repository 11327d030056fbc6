"""WORK/laff.log: all lines that runs have shown, each with its time."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline import progress
from pipeline.errors import LaffError

NAME = "laff.log"


class _LogFile(logging.FileHandler):
    """A log file that stops nothing: a line that cannot be written, as on a full disk, is lost."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", progress.CLOCK))

    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Close the file, whether or not its last line could be written."""
        with suppress(OSError):
            super().close()


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Append to a file what laff shows inside the block, and the error that ends the block.

    Nothing is written where the file cannot be opened or is a link.
    """
    handler = None
    with suppress(OSError):
        handler = None if path.is_symlink() else _LogFile(path)
    if handler is None:
        yield
        return
    progress.LOG.setLevel(logging.INFO)
    progress.LOG.propagate = False
    progress.LOG.addHandler(handler)
    try:
        yield
    except BaseException as error:
        progress.LOG.info(_ending(error))
        raise
    finally:
        progress.LOG.removeHandler(handler)
        handler.close()


def _ending(error: BaseException) -> str:
    """How the work ended: the text of an error of laff or the system; of another error its traceback."""
    if isinstance(error, LaffError | OSError):
        return f"ended: {error}"
    if isinstance(error, KeyboardInterrupt):
        return "ended: interrupted"
    return "".join(traceback.format_exception(error)).rstrip()
