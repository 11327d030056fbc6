"""The order in which TREC's programs read a run: by score, and items of equal score by their ids, backwards."""

from collections.abc import Mapping

RULE = "by score, the highest first; equal scores by id, backwards (z before a)"


def ranked(scores: Mapping[str, float], most: int = 0) -> list[str]:
    """Items in the order of sample_eval.pl and trec_eval; only the first `most` where that is above 0.

    Both ignore the ranks that a run states.
    """
    items = sorted(scores, reverse=True)
    items.sort(key=lambda item: -scores[item])  # a stable sort: equal scores stay in the order of their ids
    return items[:most] if most else items
