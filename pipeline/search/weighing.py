"""One model's weights of its features, scaled as a search asks: which can be, and where videos are found then."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.graph.models import Model
from pipeline.plan.context import Context
from pipeline.search.entering import Entering
from pipeline.search.places import Place
from pipeline.search.reweighed import Reweighed
from pipeline.search.weights import Weighable, Weights

if TYPE_CHECKING:
    from fusion.spaces import Spaces

SETTINGS = 4  # of weights of video features, whose vectors are kept


class Weighing:
    """The features that a model weighs, and its videos with other weights of them."""

    def __init__(self, context: Context, place: Place, model: Model | None, module: Spaces | None) -> None:
        """place: where videos are found as the model weighs them; model, module: None of a feature alone."""
        self._context, self._place, self._model, self._module = context, place, model, module
        self._kept: dict[bytes, Reweighed] = {}  # by the factors of video features, the last settings

    @cached_property
    def features(self) -> Weighable:
        """The features whose weights can be scaled."""
        if self._module is None:
            return Weighable()
        from fusion.weighing import weighable

        return Weighable(*weighable(self._module))

    def place(self, weights: Weights) -> Place:
        """Where videos are found with these weights; the plain place where they change nothing."""
        factors = weights.factors("video", self.features.video) if weights.video else None
        if factors is None:
            return self._place
        key = factors.tobytes()
        if key not in self._kept and len(self._kept) == SETTINGS:
            del self._kept[next(iter(self._kept))]
        place = self._kept.pop(key, None) or Reweighed(self._context, self._place, self._entering, factors)
        self._kept[key] = place  # the last one asked for is the last to go
        return place

    @cached_property
    def _entering(self) -> Entering:
        """The videos as they enter the model's block."""
        from fusion.paired import Paired

        assert self._model is not None
        assert isinstance(self._module, Paired)
        return Entering(self._context, self._model, self._module, self.features.video)
