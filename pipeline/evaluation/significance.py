"""Significance of the difference of two systems: a paired randomisation test, and Holm's correction for many tests."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.errors import LaffError

BLOCK = 1 << 22  # signs in memory at once
SLACK = 1e-12  # share of a sum: sums that differ by rounding alone count as equal


def randomisation(a: np.ndarray, b: np.ndarray, groups: np.ndarray, seed: int = 0, samples: int = 10_000) -> float:
    """Two-sided p value of the difference of two means, under the hypothesis that the two systems are exchangeable.

    a, b: [Q] float, the results of two systems for the same queries. groups: [Q]; queries of one group, such as the
    captions of one video, succeed and fail together, so their results are exchanged together.
    A sample draws a sign for every group and sums the differences; p = (hits + 1) / (samples + 1), where hits are the
    samples whose sum is at least as far from 0 as the real one. So p is never 0, and it is 1 where nothing differs.
    Raises LaffError where the lengths of the three differ.
    """
    if not len(a) or not a.shape == b.shape == groups.shape == (len(a),):
        raise LaffError(f"a {a.shape}, b {b.shape} and groups {groups.shape} should be of the same queries, at least 1")
    if samples < 1:
        raise LaffError(f"samples is {samples}; a randomisation test needs at least one")
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, weights=np.asarray(a, np.float64) - np.asarray(b, np.float64))
    threshold = abs(sums.sum()) - SLACK * np.abs(sums).sum()
    generator = np.random.default_rng(seed)
    hits, remaining = 0, samples
    while remaining:
        count = min(remaining, max(1, BLOCK // len(sums)))
        signs = generator.integers(0, 2, size=(count, len(sums)), dtype=np.int8) * np.int8(2) - np.int8(1)
        hits += int((np.abs(signs @ sums) >= threshold).sum())
        remaining -= count
    return (hits + 1) / (samples + 1)


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """Correct the p values of several tests for the chance of any false alarm among them.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979: the smallest of n is multiplied by n,
    the next by n - 1, and so on; none is smaller than the one before, and none is above 1.
    """
    corrected: dict[str, float] = {}
    largest = 0.0
    for place, name in enumerate(sorted(p, key=lambda name: p[name])):
        largest = max(largest, min(1.0, (len(p) - place) * p[name]))
        corrected[name] = largest
    return {name: corrected[name] for name in p}
