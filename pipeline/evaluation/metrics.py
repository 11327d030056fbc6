"""Retrieval metrics: what the ranks of many queries sum up to, by chance too, and how far they may be off.

R@k counts first ranks of at most k; the median is not floored. metrics.json, the tables and the pages show what
`summary` and `chance` give, in their order: another depth is an edit of DEPTHS, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.errors import LaffError
from pipeline.ranking.ranks import Ranks

DEPTHS = (1, 5, 10)  # k of R@k


def summary(ranks: Ranks) -> dict[str, float]:
    """R@k of each depth in percent; MedR and MeanR as ranks; MRR and mAP in 0..1. Raises LaffError without queries."""
    if len(ranks.first) == 0:
        raise LaffError("there are no queries to sum up; is the split empty, or all of it uncovered?")
    return {
        **{f"R@{k}": float((ranks.first <= k).mean() * 100.0) for k in DEPTHS},
        "MedR": float(np.median(ranks.first)),
        "MeanR": float(ranks.first.mean()),
        "MRR": float((1.0 / ranks.first).mean()),
        "mAP": float(ranks.precision.mean()),
    }


def by_query(first: np.ndarray) -> dict[str, np.ndarray]:
    """What each query has in those metrics that are a mean over queries, from first ranks of any shape."""
    return {**{f"R@{k}": (first <= k) * 100.0 for k in DEPTHS}, "MRR": 1.0 / first}


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
