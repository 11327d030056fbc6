"""Reciprocal rank fusion: what several models found, in one list.

Source: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
Methods", SIGIR 2009: the score of an item is the sum over the lists of 1 / (60 + its rank there). With weights it is
weight / (60 + rank).
"""

from collections.abc import Sequence

NAME = "rrf"
CONSTANT = 60
DEPTH = 1000  # items of each list that count at least, or as many as are asked for


def fuse(lists: Sequence[Sequence[str]], weights: Sequence[float] = ()) -> list[tuple[str, float]]:
    """Items with their fused scores, best first; of equal scores the first id comes first.

    lists: the items that each model found, best first. weights: of each list, 0 or more; () means 1. What is only in
    lists of weight 0 is not found.
    """
    scores: dict[str, float] = {}
    for items, weight in zip(lists, weights or [1.0] * len(lists), strict=True):
        for rank, item in enumerate(items if weight else (), 1):
            scores[item] = scores.get(item, 0.0) + weight / (CONSTANT + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def describe(names: Sequence[str], weighed: bool = False) -> str:
    """What the scores of these models together are, in words; weighed: whether each has a weight."""
    models, part = f"{', '.join(names[:-1])} and {names[-1]}", "weight" if weighed else "1"
    return (
        f"reciprocal rank fusion of {models}: sums of {part} / ({CONSTANT} + rank) over the {DEPTH:,} best of each, or "
        "as many as are asked for"
    )
