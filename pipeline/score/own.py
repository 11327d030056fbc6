"""Ranks of relevant items in a run, by laff's rule of ties, for topics that list their items to a limited depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.ranking.ranks import rank
from pipeline.runfiles.qrels import Judgements
from pipeline.runfiles.run import Run
from pipeline.score.measures import RECALL


@dataclass(frozen=True)
class RelevantRanks:
    """Where a run lists the relevant items of T topics."""

    first: np.ndarray  # [T] float64: place of the first relevant item, from 1; inf where the run lists none
    precision: np.ndarray  # [T] float64: average precision, in [0, 1]; items that the run does not list add 0

    def values(self, name: str) -> np.ndarray:
        """Values [T] of a measure: R@k in percent, MedR as places, MRR and mAP in 0..1."""
        if depth := RECALL.fullmatch(name):
            return (self.first <= int(depth[1])) * 100.0
        return {"MedR": self.first, "MRR": 1.0 / self.first, "mAP": self.precision}[name]


def relevant_ranks(run: Run, judgements: Judgements, topics: list[int]) -> RelevantRanks:
    """The places of relevant items in the run's lists, as `ranks.rank` counts them.

    topics: numbers of topics of the judgements, each with a relevant item. Only items of the list are candidates: what
    ties with its last item and was cut off is not known.
    """
    places = run.places
    first, precision = np.full(len(topics), np.inf), np.zeros(len(topics))
    for row, topic in enumerate(topics):
        place = places.get(judgements.topics[topic])
        if place is None:
            continue
        items, values, _ = judgements.of(topic)
        relevant = items[values > 0]
        listed, scores = run.of(place)
        columns = np.flatnonzero(np.isin(listed, relevant))
        if len(columns):
            ranks = rank(scores[None], [columns])
            first[row] = ranks.first[0]
            precision[row] = ranks.precision[0] * len(columns) / len(relevant)
    return RelevantRanks(first, precision)
