"""QB-Norm, its dynamic inverted softmax: a video that many captions of train like counts less.

Bogolin et al., "Cross Modal Retrieval with Querybank Normalisation", CVPR 2022, arXiv 2112.12777, and the authors' code
(ioanacroi/qb-norm). Only captions of train are read beside the query, so each query has a rank of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pipeline.ranking.log_sums import LogSums
from pipeline.ranking.scores import Scores


class QueryBank:
    """What a bank of queries says of V videos: how much it likes each, and which are best for one of them."""

    def __init__(self, videos: int, beta: float, k: int) -> None:
        """Start with an empty bank; beta: of the scores in the sums. k: best videos of a bank query that are active."""
        self.active = np.zeros(videos, bool)  # the activation set
        self._beta, self._k = beta, min(k, videos)
        self._sums = LogSums(videos, beta)

    def add(self, scores: np.ndarray, counts: np.ndarray) -> None:
        """Take scores [n, V] of bank queries, each of which stands there counts [n] times.

        The k best videos of each are active, and all that tie with the k-th.
        """
        self._sums.add(scores, counts)
        edge = np.partition(scores, -self._k, axis=1)[:, -self._k, None]
        self.active |= (scores >= edge).any(axis=0)

    def hubness(self) -> np.ndarray:
        """[V] float64: log of the sum over the bank of exp(beta * score), divided by beta: in the unit of scores."""
        return self._sums.result() / self._beta


def filled(bank: QueryBank, parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> QueryBank:
    """The bank with parts (scores [n, V], counts [n])."""
    for scores, counts in parts:
        bank.add(scores, counts)
    return bank


class QbNorm:
    """Scores S'[q, v] = S[q, v] - hubness[v] of queries whose best video is in the activation set, else S[q, v].

    The paper has exp(beta S[q, v]) / sum over the bank of exp(beta S[., v]): S' is its log divided by beta, which gives
    a query the same order, and numbers that neither overflow nor vanish. The order of one query's videos is all that
    they mean: changed and unchanged queries have different scales, so captions cannot be ranked for a video. Where
    several videos are best, one in the activation set is enough.

    Beta 1, k 1; a bank of one query, and queries a and b; videos x, y, z:

        bank  2 1 0   ->  active: x; hubness 2, 1, 0
        a     5 4 4   ->  best is x, so 3 3 4: z is first
        b     4 5 5   ->  best are y and z, which are not active: 4 5 5
    """

    def __init__(self, scores: Scores, bank: QueryBank) -> None:
        self._scores, self._active, self._hubness = scores, bank.active, bank.hubness()

    def of_captions(self, captions: np.ndarray) -> np.ndarray:
        """Scores [n, V] float64 of these captions."""
        scores = self._scores.of_captions(captions)
        best = scores == scores.max(axis=1, keepdims=True)
        changed = (best & self._active).any(axis=1)
        exact = scores.astype(np.float64)
        exact[changed] -= self._hubness
        return exact

    def of_videos(self, videos: np.ndarray) -> np.ndarray:
        """Raise NotImplementedError: QB-Norm ranks videos for captions only."""
        raise NotImplementedError("QB-Norm ranks videos for captions only")
