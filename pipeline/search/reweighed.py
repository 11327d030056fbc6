"""Videos with other weights of their features: exact among few videos, and among the best of many."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pipeline.plan.context import Context
from pipeline.ranking.best import Nearest
from pipeline.ranking.embed import blocks
from pipeline.ranking.nearest import of_scores
from pipeline.ranking.tiles import filled
from pipeline.search.asking import Questions
from pipeline.search.entering import WHOLE, Entering
from pipeline.search.places import Place

if TYPE_CHECKING:
    from torch import Tensor

DEPTH = 1000  # best of the plain order that are ordered anew at least, where not all videos are


class Reweighed(Place):
    """The videos of another place, embedded anew with factors of the weights of their features.

    All of them where they are at most WHOLE; else, for each question, the DEPTH best of the plain order.
    """

    def __init__(self, context: Context, plain: Place, entering: Entering, factors: np.ndarray) -> None:
        """plain: the place with the weights that the model gives; factors: [K] float32, not all the same."""
        super().__init__(context)
        self.videos = plain.videos
        self._plain, self._entering, self._factors = plain, entering, factors

    @property
    def whole(self) -> bool:
        """Whether all videos are ordered anew."""
        return len(self.videos) <= WHOLE

    @cached_property
    def _vectors(self) -> Tensor:
        """Vectors of all videos, up to whole tiles."""
        import torch

        return filled(torch.from_numpy(self._entering.of(self.videos).embedded(self._factors)))

    def best(self, questions: Questions, k: int, allowed: np.ndarray) -> Iterator[Nearest]:
        """The best videos for each question, as of a Place."""
        import torch

        assert isinstance(questions, np.ndarray)
        if self.whole:
            for block in blocks(np.arange(len(questions)), len(self.videos)):
                scores = (torch.from_numpy(questions[block]) @ self._vectors.T)[:, : len(self.videos)]
                yield of_scores(scores.numpy(), k, self.order, allowed)
            return
        for number in range(len(questions)):
            question = questions[number : number + 1]
            for plain in self._plain.best(question, max(k, DEPTH), allowed):
                yield self._anew(question, np.sort(plain.rows[0]), k)

    def _anew(self, question: np.ndarray, numbers: np.ndarray, k: int) -> Nearest:
        """The best k of some videos, numbers [n] rising, for a question [1, W]."""
        import torch

        candidates = filled(torch.from_numpy(self._entering.of(self.videos[numbers]).embedded(self._factors)))
        scores = (torch.from_numpy(question) @ candidates.T)[:, : len(numbers)].numpy()
        found = of_scores(scores, k, lambda places: self.order(numbers[places]))
        return Nearest(numbers[found.rows], found.scores)

    def vector(self, number: int) -> np.ndarray:
        """The vector [W] of a video with these factors."""
        if self.whole:
            vector: np.ndarray = self._vectors[number].numpy()
        else:
            vector = self._entering.of(self.videos[[number]]).embedded(self._factors)[0]
        return vector

    def shares(self, numbers: np.ndarray) -> list[dict[str, float]]:
        """The shares with these factors."""
        if self.whole:
            self._entering.of(self.videos)  # of which those are a part
        shares = self._entering.of(self.videos[numbers]).shares(self._factors)
        names = self._entering.names
        return [{name: float(share) for name, share in zip(names, row, strict=True)} for row in shares]
