"""Whether two systems differ by more than chance: a paired randomisation test, and Holm's correction for many tests."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.errors import LaffError

BLOCK = 1 << 22  # signs that are in memory at once
SLACK = 1e-12  # of a sum: differences that are equal but for rounding count as equal


def randomisation(a: np.ndarray, b: np.ndarray, groups: np.ndarray, seed: int = 0, samples: int = 10_000) -> float:
    """p of "a and b differ in the mean", two-sided, if each group's two results might as well be exchanged.

    a, b: [Q] float, what two systems reached for the same queries. groups: [Q]; queries of one group, such as the
    captions of one video, succeed and fail together, so they are exchanged together.
    A sample draws a sign for every group and sums the differences; p = (hits + 1) / (samples + 1), where hits are the
    samples whose sum is at least as far from 0 as the real one. So p is never 0, and 1 where nothing differs.
    Raises LaffError where the three do not belong together.
    """
    if not len(a) or not a.shape == b.shape == groups.shape == (len(a),):
        raise LaffError(f"a {a.shape}, b {b.shape} and groups {groups.shape} should be of the same queries, at least 1")
    if samples < 1:
        raise LaffError(f"samples is {samples}; a randomisation test needs at least one")
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, weights=np.asarray(a, np.float64) - np.asarray(b, np.float64))
    least = abs(sums.sum()) - SLACK * np.abs(sums).sum()
    generator = np.random.default_rng(seed)
    hits, left = 0, samples
    while left:
        count = min(left, max(1, BLOCK // len(sums)))
        signs = generator.integers(0, 2, size=(count, len(sums)), dtype=np.int8) * np.int8(2) - np.int8(1)
        hits += int((np.abs(signs @ sums) >= least).sum())
        left -= count
    return (hits + 1) / (samples + 1)


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """p values of several tests, corrected so that any false alarm among them is as unlikely as each p says.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979: the smallest of n times n, the next
    times n - 1, and so on; none smaller than the one before, none above 1.
    """
    corrected: dict[str, float] = {}
    least = 0.0
    for place, name in enumerate(sorted(p, key=lambda name: p[name])):
        least = max(least, min(1.0, (len(p) - place) * p[name]))
        corrected[name] = least
    return {name: corrected[name] for name in p}
