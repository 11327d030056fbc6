"""Rank fusion: several runs as one.

RRF: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
Methods", SIGIR 2009: the sum over the runs of 1 / (60 + rank). CombSUM: Fox and Shaw, "Combination of Multiple
Searches", TREC-2, 1994: the sum of scores; each run's scores of a topic are first brought to 0..1, as in Lee, "Analyses
of Multiple Evidence Combination", SIGIR 1997: (score - lowest) / (highest - lowest).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.errors import LaffError
from pipeline.runfiles.run import Run

CONSTANT = 60
RRF, COMBSUM = METHODS = ("rrf", "combsum")
HOW = {
    RRF: f"sum of 1 / ({CONSTANT} + rank) over the runs; equal scores of a run are ranked by id, a before z",
    COMBSUM: "sum of scores, of each run and topic brought to 0..1 (1 where all are equal); an item that a run lacks "
    "adds 0",
}


def fused(runs: Sequence[Run], method: str, name: str) -> Run:
    """One run of several that share the numbers of their items.

    Topics are those of all runs, in the order in which they first come. A topic has as many items as its longest list
    has, best first; of equal scores the first id comes first.
    """
    ids = runs[0].ids
    if any(run.ids is not ids for run in runs):
        raise LaffError("runs to be fused should be read together, so that their items have the same numbers")
    by_id = np.empty(len(ids), np.int64)  # the place of each item among all sorted ids
    by_id[sorted(range(len(ids)), key=ids.names.__getitem__)] = np.arange(len(ids))
    places = [run.places for run in runs]
    topics = list(dict.fromkeys(topic for run in runs for topic in run.topics))
    lists: list[tuple[np.ndarray, np.ndarray]] = []
    for topic in topics:
        parts = [run.of(place[topic]) for run, place in zip(runs, places, strict=True) if topic in place]
        weights = [_weights(scores, by_id[items], method) for items, scores in parts]
        items, which = np.unique(np.concatenate([items for items, _ in parts]), return_inverse=True)
        sums = np.bincount(which, np.concatenate(weights))  # added in the order of the runs
        best = np.lexsort((by_id[items], -sums))[: max(len(items) for items, _ in parts)]
        lists.append((items[best], sums[best]))
    starts = np.cumsum([0, *(len(items) for items, _ in lists)])
    items = np.concatenate([items for items, _ in lists])
    return Run(name, topics, starts, items, np.concatenate([sums for _, sums in lists]), ids)


def _weights(scores: np.ndarray, by_id: np.ndarray, method: str) -> np.ndarray:
    """What the items [n] of one list add to the sums."""
    if method == RRF:
        ranks = np.empty(len(scores))
        ranks[np.lexsort((by_id, -scores))] = np.arange(1, len(scores) + 1)
        weights: np.ndarray = 1 / (CONSTANT + ranks)
        return weights
    lowest, highest = scores.min(initial=np.inf), scores.max(initial=-np.inf)
    return (scores - lowest) / (highest - lowest) if highest > lowest else np.ones(len(scores))
