"""Estimates from sampled judgements for the topics of a run: TRECVID's measures, and trec_eval's infAP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from pipeline.estimation.inferred import MOST, Inferred, inferred
from pipeline.estimation.order import ranked
from pipeline.estimation.pool import Pool
from pipeline.estimation.trec_infap import trec_infap
from pipeline.runfiles.qrels import Judgements
from pipeline.runfiles.run import Run

VALUES: dict[str, Callable[[Inferred], float]] = {
    "infAP": lambda estimate: estimate.ap,
    "infNDCG": lambda estimate: estimate.ndcg,
    "iP10": lambda estimate: estimate.precision[10],
    "iP100": lambda estimate: estimate.precision[100],
    "iP1000": lambda estimate: estimate.precision[1000],
}


def estimates(run: Run, judgements: Judgements, topics: list[int]) -> dict[str, np.ndarray]:
    """Values [T] of TRECVID's measures; 0 for topics that the run does not answer.

    topics: numbers of topics of the judgements. Judgements without strata are one stratum.
    """
    values = {name: np.zeros(len(topics)) for name in VALUES}
    for row, scores, pool in _topics(run, judgements, topics):
        estimate = inferred(ranked(scores, MOST), pool)
        for name, value in VALUES.items():
            values[name][row] = value(estimate)
    return values


def trec_estimates(run: Run, judgements: Judgements, topics: list[int]) -> np.ndarray:
    """Values [T] of trec_eval's infAP; 0 for topics that the run does not answer."""
    values = np.zeros(len(topics))
    for row, scores, pool in _topics(run, judgements, topics):
        single = {item: float(np.float32(score)) for item, score in scores.items()}  # as trec_eval reads them
        values[row] = trec_infap(ranked(single), pool.judgement_of)
    return values


def _topics(run: Run, judgements: Judgements, topics: list[int]) -> Iterator[tuple[int, dict[str, float], Pool]]:
    """(row, scores of the items of the run, pool) of each topic that the run answers."""
    places, names = run.places, run.ids.names
    for row, topic in enumerate(topics):
        place = places.get(judgements.topics[topic])
        if place is None:
            continue
        items, scores = run.of(place)
        listed = {names[item]: score for item, score in zip(items.tolist(), scores.tolist(), strict=True)}
        yield row, listed, pool(judgements, topic)


def pool(judgements: Judgements, topic: int) -> Pool:
    """The pool of the topic of this number."""
    items, values, strata = (column.tolist() for column in judgements.of(topic))
    names = [judgements.ids.names[item] for item in items]
    return Pool(
        {name: judgements.stratum_names[stratum] for name, stratum in zip(names, strata, strict=True)},
        dict(zip(names, values, strict=True)),
    )
