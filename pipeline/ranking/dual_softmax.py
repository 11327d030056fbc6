"""Dual softmax at inference: each score times the share that its query has of the item, among all queries of test.

Cheng et al., "Improving Video-Text Retrieval by Multi-Stream Corpus Alignment and Dual Softmax Loss" (CAMoE), arXiv
2109.04290. There S are CLIP's logits, which are cosines times 100, and the softmax has temperature 1 at inference: a
softmax of cosines times `scale` = 100. The method's further factor, the number of queries, changes no order.
Transductive: with other queries beside it a query gets other scores.
"""

from __future__ import annotations

import numpy as np

from pipeline.ranking.embed import blocks
from pipeline.ranking.log_sums import LogSums
from pipeline.ranking.scores import Scores


class DualSoftmax:
    """Scores S'[q, i] = S[q, i] * exp(scale S[q, i]) / sum over queries p of exp(scale S[p, i]), in float64.

    For videos (t2v) the sum is over `captions`, for captions (v2t) over `videos`. Scores are read twice: first for the
    sums, of which one number for each item stays in memory, then for the ranks.

    Scale 1; captions a and b, videos x and y:

        S    x   y      exp(S) of x: 2.718, 1    of y: 2.718, 7.389      S'   x             y
        a    1   1      share of x: .731, .269   of y: .269, .731        a    1 * .731      1 * .269
        b    0   2                                                       b    0             2 * .731

    In S caption a has a tie, in S' x is before y, for b likes y more. A score below 0 becomes the lower the larger its
    share is: so says the product.
    """

    def __init__(self, scores: Scores, captions: np.ndarray, videos: np.ndarray, scale: float) -> None:
        """Read all scores once. captions [C], videos [V] bool: which of them are queries, at least one on each side."""
        self._scores, self._scale = scores, scale
        of_videos = LogSums(len(videos), scale)
        self._of_captions = np.zeros(len(captions))
        for block in blocks(np.arange(len(captions)), len(videos)):
            some = scores.of_captions(block)
            of_videos.add(some[captions[block]])
            of_block = LogSums(len(block), scale)
            of_block.add(np.ascontiguousarray(some[:, videos].T))
            self._of_captions[block] = of_block.result()
        self._of_videos = of_videos.result()

    def of_captions(self, captions: np.ndarray) -> np.ndarray:
        """Scores [n, V] float64 of these captions."""
        return _times_share(self._scores.of_captions(captions), self._scale, self._of_videos)

    def of_videos(self, videos: np.ndarray) -> np.ndarray:
        """Scores [n, C] float64 of these videos."""
        return _times_share(self._scores.of_videos(videos), self._scale, self._of_captions)


def _times_share(scores: np.ndarray, scale: float, log_sums: np.ndarray) -> np.ndarray:
    """Scores [n, N] times exp(scale * score - log_sums of its column)."""
    exact = scores.astype(np.float64)
    share = scale * exact
    share -= log_sums
    np.exp(share, out=share)
    exact *= share
    return exact
