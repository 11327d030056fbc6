"""Shows the progress of long work: bars with the time left on a terminal, else lines with the time of day; and the log.

One thread at a time moves a bar. `say` may be called from any thread, such as those in which forwards run.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any

from tqdm import tqdm
from tqdm.std import Bar as Cells

EVERY = 30.0  # seconds between two lines of a bar where there is no terminal, and in the log
CELLS = 20  # of a bar, where the terminal is wide enough for it
CLOCK = "%Y-%m-%d %H:%M:%S"
LOG = logging.getLogger("laff")  # gets every line that is shown; pipeline.store.log writes it into a file


class Bar:
    """Shows how many units of a total are done."""

    def __init__(self, name: str, total: int, unit: str, shown: "tqdm[None] | None") -> None:
        """Begin at 0; shown: the bar on a terminal, None where lines are shown instead."""
        self.name, self.total, self.unit = name, total, unit
        self.done = 0
        self.note = ""
        self._shown = shown
        self._start = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        """Add `count` units."""
        self.to(self.done + count, self.total, note or self.note)

    def to(self, done: int, total: int, note: str) -> None:
        """Set the number of units that are done, their total, which a training may change, and a note."""
        before, self.done, self.total, self.note = self.done, done, total, note
        if self._shown is not None:
            self._shown.total = total
            self._shown.set_postfix_str(note, refresh=False)
            self._shown.update(done - before)

    def line(self, ended: bool = False) -> str:
        """A line with the units done and the time left, or, when the work has ended, the time it took."""
        elapsed = time.monotonic() - self._start
        share = f", {self.done / self.total:.0%}" if self.total else ""
        text = f"{self.name}: {self.done}/{self.total} {self.unit}"
        if ended:
            text += f" in {tqdm.format_interval(elapsed)}"
        else:
            text += f"{share}, {_left(self.done, self.total, self.done / elapsed if elapsed else 0.0)} left"
        return text + (f", {self.note}" if self.note else "")


class _Fitted(tqdm):  # type: ignore[misc] # tqdm ships no types
    """A bar of tqdm that fits into a line of the terminal; `fitted` says what is left out first."""

    def __str__(self) -> str:
        return fitted(self.format_dict, columns() - 1)  # a full line would break


class _Stderr:
    """Standard error for lines that may get lost: where nobody reads it, or it is closed, the work goes on."""

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        with suppress(OSError, ValueError):
            return self._stream is not None and self._stream.isatty()
        return False

    def __eq__(self, other: object) -> bool:
        """Whether both write to the same stream; tqdm asks this of a bar and the lines above it."""
        return isinstance(other, _Stderr) and self._stream is other._stream

    def __hash__(self) -> int:
        return id(self._stream)

    @property
    def encoding(self) -> str:
        return getattr(self._stream, "encoding", None) or "ascii"


@contextmanager
def bar(name: str, total: int, unit: str) -> Iterator[Bar]:
    """A bar that is shown while the block runs, below those that are shown already.

    Without a terminal a line is shown every 30 seconds and at the end; the log gets these lines in any case.
    """
    stream = _Stderr(sys.stderr)
    shown = _Fitted(total=total, desc=name, unit=unit, mininterval=0.2, file=stream) if stream.isatty() else None
    shown_bar, ended = Bar(name, total, unit, shown), threading.Event()

    def write_lines() -> None:
        while not ended.wait(EVERY):
            _write(shown_bar.line(), quiet=shown is not None)

    thread = threading.Thread(target=write_lines, daemon=True, name=f"progress of {name}")
    thread.start()
    try:
        yield shown_bar
    finally:
        ended.set()
        thread.join()
        if shown is not None:
            shown.close()
        _write(shown_bar.line(ended=True), quiet=shown is not None)


def say(text: str) -> None:
    """Show a line on standard error, above the bars, and write it into the log."""
    _write(text)


def note(text: str) -> None:
    """Write a line into the log and, where standard error is no terminal, show it there."""
    _write(text, quiet=_Stderr(sys.stderr).isatty())


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


def _write(text: str, quiet: bool = False) -> None:
    """Write a line into the log and, unless quiet, to standard error."""
    LOG.info(text)
    if quiet:
        return
    stream = _Stderr(sys.stderr)
    if stream.isatty():
        tqdm.write(text, file=stream)
    else:
        stream.write(f"{time.strftime(CLOCK)} {text}\n")
        stream.flush()


def columns() -> int:
    """The width of the terminal: $COLUMNS, else that of standard error's terminal, else 80."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    with suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    return 80


def fitted(facts: Mapping[str, Any], room: int) -> str:
    """A bar as one line of `room` characters at most; `facts` are those of tqdm's format_dict.

    Where room is short, these are left out in this order: the bar's cells, the rate, the note, the end of the name. The
    time left always stays.
    """
    done, total, elapsed, unit = facts["n"], facts["total"], facts["elapsed"], facts["unit"]
    rate = facts["rate"] or (done / elapsed if elapsed else 0.0)
    name, note = str(facts["prefix"]).removesuffix(": "), str(facts["postfix"] or "")
    share = done / total if total else 0.0
    bare = f": {share:4.0%} {done}/{total} {unit} [{tqdm.format_interval(elapsed)}<{_left(done, total, rate)}"
    cells = format(Cells(min(share, 1.0), CELLS, Cells.ASCII if facts["ascii"] else Cells.UTF))
    speed = f", {rate:.2f} {unit}/s" if rate >= 1 else f", {1 / rate:.2f} s/{unit}" if rate else ""
    more = f", {note}" if note else ""
    fast = bare + speed
    for text in (fast.replace("%", f"%|{cells}|", 1) + more, fast + more, bare + more):
        if len(name) + len(text) < room:
            return f"{name}{text}]"
    kept = max(0, room - 1 - len(bare))
    return f"{name[:kept]}{bare}{more[: max(0, kept - len(name))]}]"[: max(0, room)]


def _left(done: int, total: int, rate: float) -> str:
    """The time left at a rate in units a second, as 01:20; ? where it is unknown."""
    return str(tqdm.format_interval((total - done) / rate)) if rate and total >= done else "?"
