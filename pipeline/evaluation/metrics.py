"""Retrieval metrics: ranks from full scores, streamed in blocks, and what they sum up to.

Rules. The rank of the first relevant item is 1 + the non-relevant items strictly above it + half of the non-relevant
ones equal to it. Average precision places each relevant item at r = 1 + all items strictly above + half of the other
equal ones, sorts these, and is the mean of j / r_j. R@k counts ranks of at most k; the median is not floored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import LaffError

DEPTHS = (1, 5, 10)
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


def summary(ranks: Ranks) -> dict[str, float]:
    """R@1, R@5, R@10 in percent; MedR and MeanR as ranks; MRR and mAP in 0..1. Raises LaffError without queries."""
    if len(ranks.first) == 0:
        raise LaffError("there are no queries to sum up; is the split empty, or all of it uncovered?")
    return {
        **{f"R@{k}": float((ranks.first <= k).mean() * 100.0) for k in DEPTHS},
        "MedR": float(np.median(ranks.first)),
        "MeanR": float(ranks.first.mean()),
        "MRR": float((1.0 / ranks.first).mean()),
        "mAP": float(ranks.precision.mean()),
    }


def chance(candidates: int, relevant: np.ndarray) -> dict[str, float]:
    """`summary` as expected if every order of the N candidates were equally likely; exact, nothing is drawn.

    relevant: [Q] int, the number of relevant items of each query, 1..N. MedR is the median of the first ranks'
    distribution over all queries together.
    The first of m is behind rank k with probability C(N-m, k) / C(N, k), and at (N + 1) / (m + 1) on average; an item
    at rank k is relevant with m / N, each one above it then with (m - 1) / (N - 1).
    """
    sizes, queries = np.unique(np.asarray(relevant, dtype=np.int64), return_counts=True)
    if len(sizes) == 0 or sizes[0] < 1 or sizes[-1] > candidates:
        raise LaffError(
            f"each query needs 1 to {candidates} relevant items of {candidates}; found {sizes.tolist()[:10]}"
        )
    share = queries / queries.sum()
    places = np.arange(1, candidates + 1)
    harmonic = float((1.0 / places).sum())
    first = np.zeros(candidates)  # probability of each first rank, over all queries
    precision = 0.0
    for m, weight in zip(sizes.tolist(), share.tolist(), strict=True):
        behind = np.cumprod(np.maximum(candidates - m - places + 1, 0) / (candidates - places + 1))  # P(first > k)
        first += weight * -np.diff(behind, prepend=1.0)
        mates = (m - 1) / max(candidates - 1, 1)
        precision += weight * (harmonic + mates * (candidates - harmonic)) / candidates
    upto = first.cumsum()
    low, high = np.searchsorted(upto, [0.5 - 1e-9, 0.5 + 1e-9])  # apart where exactly half lies at or below `low`
    return {
        **{f"R@{k}": float(min(upto[min(k, candidates) - 1], 1.0) * 100.0) for k in DEPTHS},
        "MedR": float(places[low] + places[min(high, candidates - 1)]) / 2.0,
        "MeanR": float((share * (candidates + 1) / (sizes + 1)).sum()),
        "MRR": float((first / places).sum()),
        "mAP": precision,
    }


def bootstrap(
    values: np.ndarray,
    statistic: Callable[[np.ndarray], float],
    seed: int,
    samples: int = 1000,
    groups: np.ndarray | None = None,
) -> tuple[float, float]:
    """95 % interval of a statistic of per-query values, by resampling queries (percentile method).

    values: [Q, ...], resampled along the first axis. groups: [Q] int; queries of one group, such as the captions of
    one video, are drawn together, because they succeed and fail together: without it the interval is too narrow.
    """
    if len(values) == 0:
        raise LaffError("there are no queries to resample")
    _, group = np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    generator = np.random.default_rng(seed)
    found = np.empty(samples)
    for sample in range(samples):
        drawn = generator.integers(len(sizes), size=len(sizes))
        lengths = sizes[drawn]
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        found[sample] = statistic(values[order[np.repeat(starts[drawn], lengths) + offsets]])
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
