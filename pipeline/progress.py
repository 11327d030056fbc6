"""Progress of long work: one bar at a time, with the time that is left."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

FORMAT = "{desc}: {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} {unit} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"

_bar: "tqdm[None] | None" = None
_listener: Callable[[int], None] | None = None


@contextmanager
def bar(name: str, total: int, unit: str) -> Iterator[None]:
    """Show a bar while the block runs; `advance` moves it. Without a terminal, a line every ten seconds."""
    global _bar
    quiet = not sys.stderr.isatty()
    with tqdm(
        total=total,
        desc=name,
        unit=unit,
        mininterval=10.0 if quiet else 0.2,
        ascii=quiet,
        file=sys.stderr,
        dynamic_ncols=not quiet,
        bar_format=FORMAT,
    ) as shown:
        outer, _bar = _bar, shown
        try:
            yield
        finally:
            _bar = outer


def advance(count: int = 1, note: str = "") -> None:
    """Move the bar that is shown; in a worker, which shows none, tell who listens."""
    if _listener is not None:
        _listener(count)
    elif _bar is not None:
        if note:
            _bar.set_postfix_str(note, refresh=False)
        _bar.update(count)


def listened() -> bool:
    """Whether somebody else is told of the progress made here: then nothing is shown."""
    return _listener is not None


@contextmanager
def told_to(listener: Callable[[int], None]) -> Iterator[None]:
    """Call `listener` with each count of `advance` while the block runs, instead of moving a bar."""
    global _listener
    _listener = listener
    try:
        yield
    finally:
        _listener = None


def trained(done: int, total: int, note: str) -> None:
    """`advance` as a training calls it: with all its steps so far, and as many as there may be."""
    if _bar is not None:
        _bar.total = total
        _bar.set_postfix_str(note, refresh=False)
        _bar.update(done - _bar.n)


def say(text: str) -> None:
    """One line for the person who watches, above the bar."""
    tqdm.write(text, file=sys.stderr)
