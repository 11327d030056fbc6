"""TRECVID's inferred measures, as its program sample_eval.pl computes them from stratified samples of judgements.

Source: Yilmaz, Kanoulas, Aslam, "A Simple and Efficient Sampling Method for Estimating AP and NDCG", SIGIR 2008, with
what NIST has changed since: the result of a topic with more than 1,000 estimated relevant items is scaled up (2012).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.estimation.pool import Pool

MOST = 1000  # items of a run that count
DEPTHS = (10, 100, 1000)  # of the inferred precision
RELEVANT_EPSILON, SAMPLED_EPSILON = 1e-5, 3e-5  # so that a stratum without a judged item has a precision of 1/3


@dataclass(frozen=True)
class Inferred:
    """Estimates for one topic of one run."""

    ap: float  # infAP; above 1 is possible, since estimates of a lucky sample are
    ndcg: float  # infNDCG
    precision: dict[int, float]  # depth -> estimated share of relevant items up to there
    retrieved_relevant: float  # estimated number of relevant items in the run
    relevant: float  # estimated number of relevant items in the pool


class _Above:
    """The items of the pool that were passed so far, by stratum."""

    def __init__(self, pool: Pool) -> None:
        self._strata = pool.strata
        self.pooled = Counter[str]()
        self.sampled = Counter[str]()
        self.relevant = Counter[str]()

    def estimated_relevant(self) -> float:
        """Estimated number of relevant items among them."""
        return sum(
            self.pooled[stratum]
            * (self.relevant[stratum] + RELEVANT_EPSILON)
            / (self.sampled[stratum] + SAMPLED_EPSILON)
            for stratum in self._strata
        )


def inferred(ranked: Sequence[str], pool: Pool) -> Inferred:
    """Estimate the measures of one topic.

    Args:
        ranked: The items of the run, in `order.ranked`'s order, each once; those behind the first 1,000 do not count.
        pool: The judgements. A topic without relevant items has 0 in each measure.

    At a relevant item of rank k, precision is 1/k for the item itself, and for the k - 1 items above the estimated
    number of relevant ones, divided by k; items that are not in the pool count as not relevant. infAP is the mean of
    these precisions over the judged relevant items of a stratum, and over strata the mean that is weighted by the
    estimated number of their relevant items. infNDCG estimates the gain of each stratum from its judged items in the
    run: grade / log2(rank + 1); the ideal gain has as many items of each grade as are estimated.
    """
    above = _Above(pool)
    precisions, gains = defaultdict[str, float](float), defaultdict[str, float](float)  # sums by stratum
    precision: dict[int, float] = {}
    for rank, item in enumerate(ranked[:MOST], 1):
        stratum = pool.stratum_of.get(item)
        if stratum is not None:
            judgement = pool.judgement_of[item]
            if judgement > 0:
                precisions[stratum] += (1 + above.estimated_relevant()) / rank
                gains[stratum] += judgement / math.log2(rank + 1)
                above.relevant[stratum] += 1
            above.pooled[stratum] += 1
            above.sampled[stratum] += judgement >= 0
        if rank in DEPTHS:
            precision[rank] = above.estimated_relevant() / rank
    retrieved = above.estimated_relevant()
    return Inferred(
        ap=_ap(precisions, pool),
        ndcg=_ndcg(gains, above, pool),
        precision={depth: precision.get(depth, retrieved / depth) for depth in DEPTHS},
        retrieved_relevant=retrieved,
        relevant=pool.estimated_relevant,
    )


def _ap(precisions: Mapping[str, float], pool: Pool) -> float:
    total = pool.estimated_relevant
    if not total:
        return 0.0
    ap = sum(
        pool.relevant_in(stratum) / total * precisions.get(stratum, 0.0) / pool.relevant[stratum]
        for stratum in pool.strata
        if pool.relevant.get(stratum)
    )
    return ap * total / MOST if total > MOST else ap


def _ndcg(gains: Mapping[str, float], above: _Above, pool: Pool) -> float:
    ideal = _ideal_gain(pool)
    gain = sum(above.pooled[stratum] * gains[stratum] / above.sampled[stratum] for stratum in gains)
    return gain / ideal if ideal else 0.0


def _ideal_gain(pool: Pool) -> float:
    """Gain of a run that lists the estimated number of items of each grade, the highest grade first.

    An estimated number has a fraction: the next grade then begins at a rank with a fraction, as in the program. So it
    is with its first rank at 1,000 or more, which still counts.
    """
    ideal, start = 0.0, 0.0
    for grade, count in pool.estimated_by_grade().items():
        rank = start + 1
        while rank <= start + count:
            ideal += grade / math.log2(rank + 1)
            if rank >= MOST:
                break
            rank += 1
        start += count
    return ideal
