"""trec_eval's measures, by the package pytrec_eval-terrier, which is an extra: it has no wheel for some machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from pipeline.errors import LaffError
from pipeline.runfiles.qrels import Judgements
from pipeline.runfiles.run import Run

MODULE = "pytrec_eval"
LACKS = (
    "trec_eval's measures need the package pytrec_eval-terrier, which is not installed here: pip install -r "
    "requirements-trec.txt; R@k, MedR, MRR and mAP by laff's rule need nothing"
)
BLOCK = 1 << 19  # items of a run that are handed over at once: there each takes a hundred bytes or more


def installed() -> bool:
    """Whether the package is there."""
    return find_spec(MODULE) is not None


def values(run: Run, judgements: Judgements, topics: Sequence[int], measures: Sequence[str]) -> dict[str, np.ndarray]:
    """Values [T] of measures by trec_eval's names; 0 for topics that the run does not answer.

    topics: numbers of topics of the judgements. LaffError where the package is not installed.
    """
    try:
        import pytrec_eval
    except ModuleNotFoundError:
        raise LaffError(f"{', '.join(measures)}: {LACKS}") from None
    result = {name: np.zeros(len(topics)) for name in measures}
    places = run.places
    row_of = {judgements.topics[topic]: row for row, topic in enumerate(topics) if judgements.topics[topic] in places}
    for block in _blocks(run, [places[name] for name in row_of]):
        names = [run.topics[place] for place in block]
        judged = {name: _texts(judgements.ids.names, *judgements.of(topics[row_of[name]])[:2]) for name in names}
        scored = {name: _texts(run.ids.names, *run.of(places[name])) for name in names}
        for name, figures in pytrec_eval.RelevanceEvaluator(judged, set(measures)).evaluate(scored).items():
            for measure in measures:
                result[measure][row_of[name]] = figures[measure]
    return result


def _blocks(run: Run, places: Sequence[int]) -> Iterator[list[int]]:
    """Topics of a run in groups of at most BLOCK items, or of one topic."""
    block, items = list[int](), 0
    for place in places:
        count = int(run.starts[place + 1] - run.starts[place])
        if block and items + count > BLOCK:
            yield block
            block, items = [], 0
        block.append(place)
        items += count
    if block:
        yield block


def _texts(names: Sequence[str], items: np.ndarray, numbers: np.ndarray) -> dict[str, Any]:
    """{id: number} of the items of one topic: whole numbers of judgements, floats of scores."""
    return {names[item]: number for item, number in zip(items.tolist(), numbers.tolist(), strict=True)}
