"""Means over topics, where a run may lack some: a topic that is missing must not raise a mean in silence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Mean:
    """A measure over the topics of the judgements."""

    answered: float  # over the topics that the run answers, as sample_eval.pl and trec_eval take it
    every: float  # over all judged topics, 0 for those that the run lacks
    missing: tuple[str, ...]  # judged topics that the run lacks
    unjudged: tuple[str, ...]  # topics of the run without judgements, which count nowhere


def mean(value_of: Mapping[str, float], judged: Collection[str], answered: Collection[str]) -> Mean:
    """Both means of a measure; 0 where there is no topic.

    Args:
        value_of: Value of each topic that is both judged and answered.
        judged: Topics that have judgements.
        answered: Topics of the run.
    """
    values = [value_of[topic] for topic in judged if topic in value_of]
    return Mean(
        answered=sum(values) / len(values) if values else 0.0,
        every=sum(values) / len(judged) if judged else 0.0,
        missing=tuple(topic for topic in judged if topic not in value_of),
        unjudged=tuple(topic for topic in answered if topic not in judged),
    )
