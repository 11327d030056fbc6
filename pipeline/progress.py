"""Progress of long work: bars with the time that is left on a terminal, else lines with the time of day; and the log.

A bar is moved from one thread at a time. `say` may be called from any, such as those in which forwards run.
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
CELLS = 20  # of a bar, where the terminal is wide enough for one
CLOCK = "%Y-%m-%d %H:%M:%S"
LOG = logging.getLogger("laff")  # what is said goes there too: pipeline.store.log lets it into a file


class Bar:
    """Units done of a total, shown while they are done."""

    def __init__(self, name: str, total: int, unit: str, shown: "tqdm[None] | None") -> None:
        """shown: on a terminal; None where lines tell how far it is."""
        self.name, self.total, self.unit = name, total, unit
        self.done = 0
        self.note = ""
        self._shown = shown
        self._start = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        """Move by `count` units."""
        self.to(self.done + count, self.total, note or self.note)

    def to(self, done: int, total: int, note: str) -> None:
        """Move to `done` of as many as there may be, as a training tells it."""
        before, self.done, self.total, self.note = self.done, done, total, note
        if self._shown is not None:
            self._shown.total = total
            self._shown.set_postfix_str(note, refresh=False)
            self._shown.update(done - before)

    def line(self, ended: bool = False) -> str:
        """How far it is, and how long the rest may take; or, when it has ended, how long it took."""
        elapsed = time.monotonic() - self._start
        share = f", {self.done / self.total:.0%}" if self.total else ""
        text = f"{self.name}: {self.done}/{self.total} {self.unit}"
        if ended:
            text += f" in {tqdm.format_interval(elapsed)}"
        else:
            text += f"{share}, {_left(self.done, self.total, self.done / elapsed if elapsed else 0.0)} left"
        return text + (f", {self.note}" if self.note else "")


class _Fitted(tqdm):
    """A bar in a terminal's line: what the line has no room for is left out, the time that is left last of all."""

    def __str__(self) -> str:
        return fitted(self.format_dict, columns() - 1)  # a full line would break


class _Stderr:
    """Standard error, for what may get lost: where nobody reads it any more, or it was closed, the work goes on."""

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
        """tqdm asks whether a bar and what is said above it go to the same place."""
        return isinstance(other, _Stderr) and self._stream is other._stream

    def __hash__(self) -> int:
        return id(self._stream)

    @property
    def encoding(self) -> str:
        return getattr(self._stream, "encoding", None) or "ascii"


@contextmanager
def bar(name: str, total: int, unit: str) -> Iterator[Bar]:
    """Show a bar while the block runs, below those that are shown already.

    Without a terminal it is a line every 30 seconds and one at its end; these go into the log in any case.
    """
    stream = _Stderr(sys.stderr)
    shown = _Fitted(total=total, desc=name, unit=unit, mininterval=0.2, file=stream) if stream.isatty() else None
    made, ended = Bar(name, total, unit, shown), threading.Event()

    def tell() -> None:
        while not ended.wait(EVERY):
            _write(made.line(), quiet=shown is not None)

    teller = threading.Thread(target=tell, daemon=True, name=f"progress of {name}")
    teller.start()
    try:
        yield made
    finally:
        ended.set()
        teller.join()
        if shown is not None:
            shown.close()
        _write(made.line(ended=True), quiet=shown is not None)


def say(text: str) -> None:
    """One line for the person who watches, above the bars; and for the log."""
    _write(text)


def note(text: str) -> None:
    """One line where lines are all that there is: in the log, and on standard error without a terminal."""
    _write(text, quiet=_Stderr(sys.stderr).isatty())


class _Saying(logging.Handler):
    """Says what a library logs."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


@contextmanager
def heard(name: str) -> Iterator[None]:
    """Say what the modules of a package log inside: those that know nothing of progress."""
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
    """A line to the log and, unless quiet, to standard error."""
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
    """How wide the terminal is: $COLUMNS, else what standard error's terminal says, else 80."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    with suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    return 80


def fitted(facts: Mapping[str, Any], room: int) -> str:
    """A bar as one line of `room` characters at most; `facts` as tqdm's format_dict has them.

    Where room is short the bar's cells go first, then the rate, then the note, then the end of the name: never the time
    that is left.
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
    """The time that is left at a rate in units a second, as 01:20; ? where it cannot be known."""
    return str(tqdm.format_interval((total - done) / rate)) if rate and total >= done else "?"
