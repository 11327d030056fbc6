"""The rank at which each query finds its relevant items, from all scores, in blocks of queries.

The place of an item among equal scores is the mean of its places over all orders of the tie (RULE). So the ranks depend
only on the scores, and not on the order of equal items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import LaffError

RULE = (
    "the j-th of m relevant items that tie with n non-relevant ones stands at: items strictly above the tie + j + "
    "j n / (m + 1)"
)  # docs/compare.md and metrics.json have the same words
FEW = 64  # up to this many different scores of relevant items, counting is faster than sorting


@dataclass
class Ranks:
    """The ranks of Q queries."""

    first: np.ndarray  # [Q] float64: place of the first relevant item, from 1; a fraction in a tie
    precision: np.ndarray  # [Q] float64: average precision, in (0, 1]

    @classmethod
    def last(cls, queries: int, candidates: int) -> Ranks:
        """Q queries at the last rank, as for queries whose relevant item is not covered."""
        return cls(np.full(queries, float(candidates)), np.full(queries, 1.0 / max(candidates, 1)))

    def put(self, rows: np.ndarray | slice, ranks: Ranks) -> None:
        """Write a block's ranks at the rows of its queries."""
        self.first[rows] = ranks.first
        self.precision[rows] = ranks.precision

    def take(self, rows: np.ndarray | slice) -> Ranks:
        """The ranks of some queries: row numbers, a mask, or a slice."""
        return Ranks(self.first[rows], self.precision[rows])


def rank(scores: np.ndarray, relevant: np.ndarray | Sequence[np.ndarray]) -> Ranks:
    """Ranks of a block of queries.

    scores: [q, N] float, larger is better, one row per query; relevant: [q] column numbers where every query has one
    relevant item, else q arrays of column numbers, each with at least one.
    Places r_1 < r_2 < … follow RULE; the first rank is r_1, average precision is the mean of j / r_j.
    Needs memory for a mask [q, N], or for one sorted row at a time, beside the scores.
    Raises LaffError for scores that are not finite and for queries without a relevant item.

    Four items; to the first query the third is relevant, to the others the first and the last:

        0.9  0.5  0.5  0.1   ->  1 above, m = 1, n = 1:  place 2.5                 precision 1 / 2.5
        0.3  0.8  0.2  0.3   ->  1 above, m = 2, n = 0:  places 2 and 3            precision (1 / 2 + 2 / 3) / 2
        0.8  0.8  0.2  0.8   ->  0 above, m = 2, n = 1:  places 4 / 3 and 8 / 3    precision (3 / 4 + 6 / 8) / 2
    """
    if scores.ndim != 2 or len(relevant) != len(scores):
        raise LaffError(f"scores {scores.shape} should be [queries, items] for {len(relevant)} queries")
    if not np.isfinite(scores).all():
        row = int(np.argmin(np.isfinite(scores).all(axis=1)))
        raise LaffError(f"query {row} of this block has a score that is not a finite number; are the features finite?")
    if isinstance(relevant, np.ndarray) and relevant.ndim == 1:
        of_relevant = scores[np.arange(len(scores)), relevant][:, None]
        above = (scores > of_relevant).sum(axis=1)
        equal = (scores == of_relevant).sum(axis=1) - 1
        first = 1.0 + above + equal / 2.0  # RULE with m = 1
        return Ranks(first, 1.0 / first)
    pairs = [_rank_one(row, np.asarray(columns)) for row, columns in zip(scores, relevant, strict=True)]
    return Ranks(np.array([pair[0] for pair in pairs], float), np.array([pair[1] for pair in pairs], float))


def _rank_one(scores: np.ndarray, relevant: np.ndarray) -> tuple[float, float]:
    """First rank and average precision of one query: scores [N], relevant [m] columns."""
    if len(relevant) == 0:
        raise LaffError("a query has no relevant item, so it has no rank; leave it out")
    scores = np.ascontiguousarray(scores)  # a column of a larger array would be slow to read
    ascending, mates_ascending = np.unique(scores[relevant], return_counts=True)
    levels, mates = (
        ascending[::-1],
        mates_ascending[::-1],
    )  # the different scores of relevant items, and how many items have each
    if len(levels) <= FEW:
        not_below = np.array([np.count_nonzero(scores >= level) for level in levels])
        above = np.array([np.count_nonzero(scores > level) for level in levels])
    else:
        ordered = np.sort(scores)
        not_below = len(scores) - np.searchsorted(ordered, levels, side="left")
        above = len(scores) - np.searchsorted(ordered, levels, side="right")
    others = not_below - above - mates
    number = np.arange(1, len(relevant) + 1)  # of a relevant item among all of them
    in_tie = number - np.repeat(np.cumsum(mates) - mates, mates)  # the j of RULE
    places = np.repeat(above, mates) + in_tie * (1 + np.repeat(others / (mates + 1), mates))
    return float(places[0]), float((number / places).mean())
