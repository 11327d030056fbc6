"""Which queries of test the gallery shows: all, or of many the worst, the best and some others."""

from __future__ import annotations

import numpy as np

MOST = 3000  # queries on a page
SEED = 1  # of the choice among many
KINDS = ("the worst", "the best", "others by chance")


def chosen(ranks: np.ndarray, most: int = MOST) -> np.ndarray:
    """The places [q] of the queries to show, rising: of more than `most` a third each of KINDS.

    ranks: [Q] of the right video; of equal ranks those that are shown are chosen by chance, always the same ones.
    """
    if len(ranks) <= most:
        return np.arange(len(ranks))
    shuffled = np.random.default_rng(SEED).permutation(len(ranks))
    by_rank = shuffled[np.argsort(ranks[shuffled], kind="stable")]
    third = most // 3
    best, worst, rest = by_rank[:third], by_rank[len(ranks) - third :], by_rank[third : len(ranks) - third]
    others = rest[np.argsort(np.argsort(shuffled)[rest], kind="stable")][: most - 2 * third]
    return np.sort(np.concatenate([best, worst, others]))
