"""trec_eval's infAP, which is another estimate than TRECVID's infAP of the same name.

It knows no strata, divides by the number of relevant items that were judged, and scales nothing. On judgements that
were sampled at different rates it is not an estimate of average precision; where everything was judged both are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

EPSILON = 1e-5


def trec_infap(ranked: Sequence[str], judgement_of: Mapping[str, int]) -> float:
    """Estimate the average precision of one topic as trec_eval does; 0 where no item was judged relevant.

    Args:
        ranked: The items of the run in `order.ranked`'s order, each once; all count.
        judgement_of: Item of the pool -> below 0: not judged; 0: not relevant; above 0: relevant.

    Source: Yilmaz and Aslam, "Estimating Average Precision with Incomplete and Imperfect Judgments", CIKM 2006.
    """
    total, relevant, not_relevant, not_judged = 0.0, 0, 0, 0
    for rank, item in enumerate(ranked, 1):
        judgement = judgement_of.get(item)
        if judgement is None:
            continue
        if judgement < 0:
            not_judged += 1
        elif judgement == 0:
            not_relevant += 1
        else:
            judged = relevant + not_relevant
            share = (relevant + EPSILON) / (judged + 2 * EPSILON)
            total += (1 + (judged + not_judged) * share) / rank
            relevant += 1
    in_pool = sum(judgement > 0 for judgement in judgement_of.values())
    return total / in_pool if in_pool else 0.0
