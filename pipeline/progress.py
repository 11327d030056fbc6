"""Progress of long work: a bar with the time that is left, held by whoever does the work.

A bar is moved from one thread at a time. `say` may be called from any, such as those in which forwards run.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

FORMAT = "{desc}: {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt} {unit} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


class Bar:
    """A bar that is shown."""

    def __init__(self, shown: "tqdm[None]") -> None:
        self._shown = shown

    @property
    def done(self) -> int:
        """Units that it stands at."""
        return int(self._shown.n)

    def advance(self, count: int = 1, note: str = "") -> None:
        """Move by `count` units."""
        if note:
            self._shown.set_postfix_str(note, refresh=False)
        self._shown.update(count)

    def to(self, done: int, total: int, note: str) -> None:
        """Move to `done` of as many as there may be, as a training tells it."""
        self._shown.total = total
        self._shown.set_postfix_str(note, refresh=False)
        self._shown.update(done - self._shown.n)


@contextmanager
def bar(name: str, total: int, unit: str) -> Iterator[Bar]:
    """Show a bar while the block runs, below those that are shown already.

    Without a terminal it is a line every ten seconds.
    """
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
        yield Bar(shown)


def say(text: str) -> None:
    """One line for the person who watches, above the bars."""
    tqdm.write(text, file=sys.stderr)
