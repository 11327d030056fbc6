"""A table that is read a piece at a time, so that only the rows that are wanted stay in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

AT_ONCE = 1 << 24  # bytes of a table in memory at once


@dataclass(frozen=True)
class Piece:
    """Rows of a table that lie together."""

    start: int  # its first row
    stop: int  # the row behind its last
    places: np.ndarray  # [n]: which of the wanted rows it holds
    rows: np.ndarray  # [n]: where they are in the piece


def pieces(wanted: Sequence[int], count: int, row_bytes: int) -> Iterator[Piece]:
    """A table of `count` rows in pieces of at most AT_ONCE bytes (but at least a row), with the wanted rows of each."""
    rows = np.asarray(wanted, np.int64)
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    step = max(1, AT_ONCE // max(1, row_bytes))
    for start in range(0, count, step):
        stop = min(count, start + step)
        first, last = np.searchsorted(ordered, [start, stop])
        yield Piece(start, stop, order[first:last], ordered[first:last] - start)
