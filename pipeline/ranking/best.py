"""The best k rows of each query, kept while scores stream by in blocks, from any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import LaffError

if TYPE_CHECKING:
    from torch import Tensor

PENDING = 1 << 16  # candidates that wait at least before they are sorted

Order = Callable[[np.ndarray], np.ndarray]
"""order(different row numbers [n], rising) -> [n] numbers: of equal scores the row with the smaller one comes first."""


@dataclass(frozen=True)
class Nearest:
    """The best rows of each query, best first; fewer than k where there are fewer rows."""

    rows: np.ndarray  # [Q, k] int64, numbered through all sources in their order
    scores: np.ndarray  # [Q, k] float32


class Best:
    """Keeps the best k rows of each query among those that were offered."""

    def __init__(self, queries: int, k: int, order: Order | None) -> None:
        """Start with nothing; order: asked for rows whose scores tie; without it the earlier row comes first."""
        import torch

        self._queries, self._k, self._order = queries, k, order
        self._edge = torch.full((queries,), -np.inf)  # the k-th best score of each query; what is below is out
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # queries, rows, scores
        self._count = 0  # of the candidates in `_waiting`
        self._lock = Lock()

    def offer(self, first: int, scores: Tensor, allowed: np.ndarray | None) -> None:
        """Take scores [Q, n] of the rows from number `first` on, in any order of blocks, from any thread.

        allowed: [n] bool, the rows that count; None: all.
        """
        import torch

        reached = scores >= self._edge[:, None]
        if allowed is not None:
            reached &= torch.from_numpy(allowed)
        if not reached.any():
            return
        queries, rows = (column.numpy() for column in reached.nonzero(as_tuple=True))
        values = scores[reached].numpy()
        with self._lock:
            self._waiting.append((queries, rows + first, values))
            self._count += len(rows)
            if self._count > 2 * self._queries * self._k + PENDING:
                self._sort()

    def result(self) -> Nearest:
        """The best rows, sorted. LaffError where a score was not a finite number."""
        shape = self._queries, self._k
        if not self._queries or not self._k:
            return Nearest(np.zeros(shape, np.int64), np.zeros(shape, np.float32))
        _, rows, scores = self._sort(last=True) if self._waiting else (None, np.zeros(0), np.zeros(0))
        if len(rows) != self._queries * self._k:
            raise LaffError("a score is not a finite number, so there is no best; were the features finite?")
        return Nearest(rows.reshape(shape), scores.reshape(shape))

    def _sort(self, last: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Keep the best k of each query, by query and then best first.

        last: rows of equal scores are put in order everywhere, and not only where the k-th best decides who stays.
        """
        import torch

        queries, rows, scores = (np.concatenate(column) for column in zip(*self._waiting, strict=True))
        by = np.lexsort((rows, -scores, queries))
        starts = np.searchsorted(queries[by], np.arange(self._queries + 1))
        if self._order is not None:
            tied = by[_equal(queries[by], scores[by]) if last else self._at_edge(queries[by], scores[by], starts)]
            if len(tied):
                different, which = np.unique(rows[tied], return_inverse=True)
                places = np.zeros(len(rows), np.int64)
                places[tied] = self._order(different)[which]
                by = np.lexsort((rows, places, -scores, queries))
        within = np.arange(len(by)) - starts[queries[by]]
        by = by[within < self._k]
        full = np.flatnonzero(np.diff(starts) >= self._k)
        edges = scores[by][np.searchsorted(queries[by], full, side="right") - 1]
        self._edge[torch.from_numpy(full)] = torch.from_numpy(edges)
        kept = queries[by], rows[by], scores[by]
        self._waiting, self._count = [kept], len(by)
        return kept

    def _at_edge(self, queries: np.ndarray, scores: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """[n] bool of sorted candidates: whether it ties with the k-th best of a query that has too many such."""
        last = starts[:-1][np.diff(starts) > self._k] + self._k - 1  # the k-th best of each query that has more
        last = last[scores[last] == scores[last + 1]]
        edges = np.full(self._queries, np.nan, scores.dtype)
        edges[queries[last]] = scores[last]
        at_edge: np.ndarray = scores == edges[queries]
        return at_edge


def _equal(queries: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """[n] bool of sorted candidates: whether another one of the query has the same score."""
    same: np.ndarray = (queries[1:] == queries[:-1]) & (scores[1:] == scores[:-1])
    equal: np.ndarray = np.append(same, False) | np.insert(same, 0, False)
    return equal
