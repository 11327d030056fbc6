"""The rank at which each query found what is relevant to it, from full scores, streamed in blocks.

Rules. The rank of the first relevant item is 1 + the non-relevant items strictly above it + half of the non-relevant
ones equal to it. Average precision places each relevant item at r = 1 + all items strictly above + half of the other
equal ones, sorts these, and is the mean of j / r_j.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import LaffError

FEW = 64  # relevant items of a query for which going through its scores for each takes less than sorting them


@dataclass
class Ranks:
    """What each of Q queries found."""

    first: np.ndarray  # [Q] float64: rank of the first relevant item, from 1, halves where scores are equal
    precision: np.ndarray  # [Q] float64: average precision, in (0, 1]

    @classmethod
    def last(cls, queries: int, candidates: int) -> Ranks:
        """Q queries that all found theirs at the last rank, which stands for those whose item was not covered."""
        return cls(np.full(queries, float(candidates)), np.full(queries, 1.0 / max(candidates, 1)))

    def put(self, rows: np.ndarray | slice, found: Ranks) -> None:
        """Write a block's ranks at the rows of its queries."""
        self.first[rows] = found.first
        self.precision[rows] = found.precision

    def take(self, rows: np.ndarray | slice) -> Ranks:
        """The ranks of some queries: row numbers, a mask, or a slice."""
        return Ranks(self.first[rows], self.precision[rows])


def rank(scores: np.ndarray, relevant: np.ndarray | Sequence[np.ndarray]) -> Ranks:
    """Ranks of a block of queries.

    scores: [q, N] float, larger is better, one row per query; relevant: [q] column numbers where every query has one
    relevant item, else q arrays of column numbers, each with at least one.
    Beside the scores it needs a mask [q, N], or one sorted row at a time.
    Raises LaffError for scores that aren't finite and queries without a relevant item.

    Two queries, four items, the third relevant to the first, the first and the last to the second:

        0.9  0.5  0.5  0.1   ->  one above, one equal:      first 2.5,  precision 1 / 2.5
        0.3  0.8  0.2  0.3   ->  one above, an equal mate:  first 2,    r = 2.5, 2.5: (1 / 2.5 + 2 / 2.5) / 2 = 0.6
    """
    if scores.ndim != 2 or len(relevant) != len(scores):
        raise LaffError(f"scores {scores.shape} should be [queries, items] for {len(relevant)} queries")
    if not np.isfinite(scores).all():
        row = int(np.argmin(np.isfinite(scores).all(axis=1)))
        raise LaffError(f"query {row} of this block has a score that is not a finite number; were the features?")
    if isinstance(relevant, np.ndarray) and relevant.ndim == 1:
        own = scores[np.arange(len(scores)), relevant][:, None]
        above = (scores > own).sum(axis=1)
        equal = (scores == own).sum(axis=1) - 1
        first = 1.0 + above + equal / 2.0
        return Ranks(first, 1.0 / first)
    pairs = [_rank_one(row, np.asarray(columns)) for row, columns in zip(scores, relevant, strict=True)]
    return Ranks(np.array([pair[0] for pair in pairs], float), np.array([pair[1] for pair in pairs], float))


def _rank_one(scores: np.ndarray, relevant: np.ndarray) -> tuple[float, float]:
    """First rank and average precision of one query: scores [N], relevant [m] columns."""
    if len(relevant) == 0:
        raise LaffError("a query has no relevant item, so it has no rank; leave it out")
    scores = np.ascontiguousarray(scores)  # not a column of something larger, which is slow to walk through
    own = np.sort(scores[relevant])[::-1]
    if len(own) <= FEW:
        not_below = np.array([np.count_nonzero(scores >= score) for score in own])  # above or equal, itself too
        above = np.array([np.count_nonzero(scores > score) for score in own])
    else:
        ordered = np.sort(scores)
        not_below = len(scores) - np.searchsorted(ordered, own, side="left")
        above = len(scores) - np.searchsorted(ordered, own, side="right")
    mates = int((own == own[0]).sum())
    first = 1.0 + above[0] + (not_below[0] - above[0] - mates) / 2.0
    places = 1.0 + above + (not_below - above - 1) / 2.0  # rising, as `own` falls
    return float(first), float((np.arange(1, len(own) + 1) / places).mean())
