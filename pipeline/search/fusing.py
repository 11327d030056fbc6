"""Reciprocal rank fusion: what several models found, in one list.

Source: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
Methods", SIGIR 2009: the score of an item is the sum over the lists of 1 / (60 + its rank there).
"""

from collections.abc import Sequence

NAME = "rrf"
CONSTANT = 60
DEPTH = 1000  # items of each list that count at least, or as many as are asked for


def fuse(lists: Sequence[Sequence[str]]) -> list[tuple[str, float]]:
    """Items with their fused scores, best first; of equal scores the first id comes first.

    lists: the items that each model found, best first.
    """
    scores: dict[str, float] = {}
    for items in lists:
        for rank, item in enumerate(items, 1):
            scores[item] = scores.get(item, 0.0) + 1 / (CONSTANT + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def describe(names: Sequence[str]) -> str:
    """What the scores of these models together are, in words."""
    models = f"{', '.join(names[:-1])} and {names[-1]}"
    return (
        f"reciprocal rank fusion of {models}: sums of 1 / ({CONSTANT} + rank) over the {DEPTH:,} best of each, or as "
        "many as are asked for"
    )
