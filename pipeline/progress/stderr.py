"""Standard error as the place for lines that may get lost."""

import os
import sys
from contextlib import suppress
from typing import IO


class Stderr:
    """A stream for lines that may get lost: where nobody reads it, or it is closed, the work goes on."""

    def __init__(self, stream: IO[str] | None) -> None:
        """Wrap a stream; None where there is none."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text."""
        with suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Send what was written."""
        with suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        with suppress(OSError, ValueError):
            return self._stream is not None and self._stream.isatty()
        return False

    @property
    def encoding(self) -> str:
        """The encoding of its letters."""
        return getattr(self._stream, "encoding", None) or "utf-8"


def present() -> Stderr:
    """Standard error as it is now."""
    return Stderr(sys.stderr)


def watched() -> bool:
    """Whether standard error is a terminal on which lines can be drawn anew, as it cannot on TERM=dumb."""
    return present().isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")
