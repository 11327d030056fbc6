"""What a person should know before believing the answers of some models."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.plan.context import Context
from pipeline.run_plan import random_stages
from pipeline.search import fusing
from pipeline.search.entering import WHOLE
from pipeline.search.finder import Finder
from pipeline.search.reweighed import DEPTH, Reweighed
from pipeline.search.weights import Weights


def notes_of(context: Context, finders: Sequence[Finder], weights: Weights, weighed: bool) -> list[str]:
    """Lines; none where all is well. weighed: whether models have weights in a fusion."""
    notes = _random(context, finders)
    if len(finders) > 1:
        notes.append(fusing.describe([finder.label for finder in finders], weighed))
    for finder in finders:
        notes += finder.notes
        if not weights.video:
            continue  # no model is loaded to say so
        place = finder.weighing.place(weights)
        if isinstance(place, Reweighed) and not place.whole:
            notes.append(
                f"with these weights only the {DEPTH:,} best of the plain order by {finder.label} are ordered "
                f"anew, for the {len(place.videos):,} videos are more than {WHOLE:,}"
            )
    return notes


def _random(context: Context, finders: Sequence[Finder]) -> list[str]:
    """What random weights take from the order: all, where nothing was trained on them."""
    needed = context.graph.needed([name for finder in finders for name in finder.reads])
    random = random_stages(context, needed)
    if not random:
        return []
    trained = any(finder.chosen.model for finder in finders) or any(
        context.stage(name).about.learns == "always" for name in needed
    )
    worth = "good for trying out, not for results" if trained else "the order means nothing"
    return [f"RANDOM WEIGHTS in {', '.join(random)}: {worth}"]
