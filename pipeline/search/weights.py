"""Weights that a person gives to models and features in a search, and which of them a model has."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from pipeline.errors import LaffError, did_you_mean

FORM = "KIND:NAME=NUMBER, such as video:x3d=0, text:bow=2 or model:laff=0.5"


@dataclass(frozen=True)
class Weights:
    """Factors of models, video features and text features, 0 or more; what is not named has 1.

    models: in reciprocal rank fusion. video, text: of the weight that a model gives the feature in a vector; the
    weights are then scaled to the sum one again.
    """

    models: Mapping[str, float] = field(default_factory=dict)
    video: Mapping[str, float] = field(default_factory=dict)
    text: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind in fields(self):
            for name, weight in getattr(self, kind.name).items():
                if not math.isfinite(weight) or weight < 0:
                    raise LaffError(f"the weight of '{name}' is {weight}; it should be 0 or more, such as 0.5")

    def factors(self, side: str, names: Sequence[str]) -> np.ndarray | None:
        """The factors [K] float32 of a model's features of a side, video or text; None where all are the same.

        LaffError where all of them are 0.
        """
        given: Mapping[str, float] = getattr(self, side)
        factors = [float(given.get(name, 1.0)) for name in names]
        if names and not any(factors):
            raise LaffError(f"all {side} features have weight 0 ({', '.join(names)}), so nothing is left to search by")
        if len(set(factors)) < 2:
            return None
        return (np.array(factors) / max(factors)).astype(np.float32)


PLAIN = Weights()


@dataclass(frozen=True)
class Weighable:
    """The features of a model whose weights can be scaled; () of a side where they cannot."""

    video: tuple[str, ...] = ()
    text: tuple[str, ...] = ()


def read(texts: Iterable[str]) -> Weights:
    """Weights from texts such as `video:x3d=0`. LaffError for another form."""
    kinds: dict[str, dict[str, float]] = {"model": {}, "video": {}, "text": {}}
    for text in texts:
        words, equals, number = text.rpartition("=")
        kind, colon, name = words.partition(":")
        try:
            weight = float(number)
        except ValueError:
            raise LaffError(f"a weight is {FORM}; '{text}' has no number behind the last '='") from None
        if not (equals and colon and name and kind in kinds):
            near = did_you_mean(kind, kinds)
            raise LaffError(f"a weight is {FORM}; '{text}' is not{near}")
        kinds[kind][name] = weight
    return Weights(kinds["model"], kinds["video"], kinds["text"])


def check(weights: Weights, weighable: Mapping[str, Weighable], features: Mapping[str, Collection[str]]) -> None:
    """Raise LaffError where a weight names what these models do not have, or cannot weigh.

    weighable: by model. features: by side, those that the models read, weighed or not.
    """
    for name in weights.models:
        if name not in weighable:
            raise LaffError(
                f"no model '{name}' in this search{did_you_mean(name, weighable)} (here: {', '.join(weighable)})"
            )
    if weights.models and not any(weights.models.get(name, 1.0) for name in weighable):
        raise LaffError("all models have weight 0, so nothing is left to search by")
    for side in ("video", "text"):
        known = list(dict.fromkeys(name for one in weighable.values() for name in getattr(one, side)))
        for name in getattr(weights, side):
            if name in known:
                continue
            if name in features[side]:
                raise LaffError(
                    f"'{name}' cannot be weighed: {', '.join(weighable)} "
                    f"{'has' if len(weighable) == 1 else 'have'} no weights of {side} features beside each other to "
                    f"scale (such as laff has, where it fuses two or more)"
                )
            raise LaffError(
                f"no {side} feature '{name}'{did_you_mean(name, known)} (here: {', '.join(known) or 'none to weigh'})"
            )
