"""Retrieval metrics over the ranks of many queries, their values by chance, and their confidence intervals.

R@k counts first ranks of at most k; the median is not floored. metrics.json, the tables and the pages show the metrics
of `summary` and `chance`, in this order. Another depth: edit DEPTHS. Another quantity per query: add it to Ranks,
ranks_file, summary, chance, tables.FRACTIONS, and figure_table.LOWER_IS_BETTER if its lowest value is the best.
"""

from __future__ import annotations

import numpy as np

from pipeline.errors import LaffError
from pipeline.ranking.ranks import Ranks

DEPTHS = (1, 5, 10)  # k of R@k
AT_ONCE = 2**20  # draws of the bootstrap; they take 24 MB


def summary(ranks: Ranks) -> dict[str, float]:
    """Metrics: R@k of each depth in percent; MedR and MeanR as ranks; MRR, mAP in 0..1. LaffError without queries."""
    if len(ranks.first) == 0:
        raise LaffError("there are no queries to sum up; is the split empty, or are none of its videos covered?")
    return {
        **{f"R@{k}": float((ranks.first <= k).mean() * 100.0) for k in DEPTHS},
        "MedR": float(np.median(ranks.first)),
        "MeanR": float(ranks.first.mean()),
        "MRR": float((1.0 / ranks.first).mean()),
        "mAP": float(ranks.precision.mean()),
    }


def by_query(first: np.ndarray) -> dict[str, np.ndarray]:
    """Values of single queries, for the metrics that are a mean over queries; first: ranks, of any shape."""
    return {**{f"R@{k}": (first <= k) * 100.0 for k in DEPTHS}, "MRR": 1.0 / first}


def chance(candidates: int, relevant: np.ndarray) -> dict[str, float]:
    """Expected value of `summary` where every order of the N candidates is equally likely; exact, nothing is drawn.

    relevant: [Q] int, the number of relevant items of each query, 1..N. MedR is the median of the distribution of first
    ranks over all queries together.
    The first of m relevant items is behind rank k with probability C(N-m, k) / C(N, k), and at (N + 1) / (m + 1) on
    average. An item at rank k is relevant with probability m / N, and each one above it then with (m - 1) / (N - 1).
    """
    sizes, queries = np.unique(np.asarray(relevant, dtype=np.int64), return_counts=True)
    if len(sizes) == 0 or sizes[0] < 1 or sizes[-1] > candidates:
        raise LaffError(
            f"each query needs 1 to {candidates} relevant items of {candidates}; found {sizes.tolist()[:10]}"
        )
    shares = queries / queries.sum()
    places = np.arange(1, candidates + 1)
    harmonic = float((1.0 / places).sum())
    first = np.zeros(candidates)  # probability that the first rank is k, over all queries
    precision = 0.0
    for m, share in zip(sizes.tolist(), shares.tolist(), strict=True):
        behind = np.cumprod(np.maximum(candidates - m - places + 1, 0) / (candidates - places + 1))  # P(first > k)
        first += share * -np.diff(behind, prepend=1.0)
        another = (m - 1) / max(candidates - 1, 1)  # P(an item above a relevant one is relevant)
        precision += share * (harmonic + another * (candidates - harmonic)) / candidates
    cumulative = first.cumsum()
    low, high = np.searchsorted(cumulative, [0.5 - 1e-9, 0.5 + 1e-9])  # differ where exactly half is at or below `low`
    return {
        **{f"R@{k}": float(min(cumulative[min(k, candidates) - 1], 1.0) * 100.0) for k in DEPTHS},
        "MedR": float(places[low] + places[min(high, candidates - 1)]) / 2.0,
        "MeanR": float((shares * (candidates + 1) / (sizes + 1)).sum()),
        "MRR": float((first / places).sum()),
        "mAP": precision,
    }


def bootstrap(
    values: np.ndarray, seed: int, samples: int = 1000, groups: np.ndarray | None = None
) -> tuple[float, float]:
    """Confidence interval, 95 %, of the mean of per-query values, by resampling queries (percentile method).

    values: [Q]. groups: [Q] int; queries of one group, such as the captions of one video, are drawn together, because
    they succeed and fail together. Without groups the interval is too narrow.
    """
    if len(values) == 0:
        raise LaffError("there are no queries to resample")
    _, group = np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)
    sizes, sums = np.bincount(group), np.bincount(group, weights=values)
    generator = np.random.default_rng(seed)
    means = np.empty(samples)
    rows = max(1, AT_ONCE // len(sizes))
    for start in range(0, samples, rows):
        drawn = generator.integers(len(sizes), size=(min(rows, samples - start), len(sizes)))
        means[start : start + rows] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
