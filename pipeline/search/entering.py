"""Videos as they enter the block of a model, from cached features: what other weights of features need again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.graph.models import Model
from pipeline.plan.context import Context
from pipeline.ranking.embed import embed_videos
from pipeline.ranking.shares import shares
from pipeline.search.picked import Picked

if TYPE_CHECKING:
    from torch import Tensor

    from fusion.features import Feature
    from fusion.paired import Paired

WHOLE = 10_000  # items that enter all, once, and are then kept


class Entered:
    """What n videos enter a block as, and the weights that it gives them."""

    def __init__(self, vectors: Tensor, weights: Tensor, names: tuple[str, ...]) -> None:
        """vectors: [n, K, H, W]; weights: [n, H, K]; names: of the K features."""
        self._vectors, self._weights, self._names = vectors, weights, names

    def embedded(self, factors: np.ndarray) -> np.ndarray:
        """The vectors [n, H * W] of the videos with these factors [K] of their weights."""
        import torch

        from fusion.weighing import embed_entered

        scale = torch.from_numpy(factors)
        count = len(self._vectors)
        rows = embed_videos(
            lambda block: embed_entered(self._vectors[block], self._weights[block], scale), lambda block: block, count
        )
        return rows.numpy()

    def some(self, places: np.ndarray) -> Entered:
        """Those of the videos that have these places [m] among them."""
        import torch

        numbers = torch.from_numpy(places)
        return Entered(self._vectors[numbers], self._weights[numbers], self._names)

    def shares(self, factors: np.ndarray) -> np.ndarray:
        """The shares [n, K] of the features in the vectors of the videos, means over the heads."""
        import torch

        from fusion.weighing import scaled

        weights = scaled(self._weights, torch.from_numpy(factors)).double().numpy()
        by_name = {name: self._vectors[:, number].flatten(1) for number, name in enumerate(self._names)}
        means: np.ndarray = shares(weights, by_name).mean(axis=1)
        return means


class Entering:
    """The videos of a model, brought to its block; the last ones are kept in memory for the next factors."""

    def __init__(self, context: Context, model: Model, module: Paired, names: tuple[str, ...]) -> None:
        """names: the features that the block weighs, in the order of its weights."""
        self._context, self._model, self._module = context, model, module
        self.names = names
        self._picked = Picked(context, model)
        self._rows = np.zeros(0, np.int64)  # catalog rows of the videos that are kept
        self._kept: Entered | None = None

    def of(self, rows: np.ndarray) -> Entered:
        """The videos of these catalog rows [n], at least one. LaffError where a cached feature is gone."""
        if self._kept is not None and np.array_equal(rows, self._rows):
            return self._kept
        by = np.argsort(self._rows)
        places = np.searchsorted(self._rows, rows, sorter=by)
        if self._kept is not None and places.max() < len(by) and np.array_equal(self._rows[by[places]], rows):
            return self._kept.some(by[places])
        self._kept = None  # before the next ones take memory
        self._kept, self._rows = self._enter(rows), rows
        return self._kept

    def _enter(self, rows: np.ndarray) -> Entered:
        import torch

        from fusion.features import take
        from fusion.weighing import entered

        features = self._picked.features(rows)
        shapes: list[tuple[torch.Size, torch.Size]] = []

        def both(block: dict[str, Feature]) -> Tensor:
            vectors, weights = entered(self._module.video, block)
            shapes.append((vectors.shape[1:], weights.shape[1:]))
            return torch.cat([vectors.flatten(1), weights.flatten(1)], dim=1)

        joined = embed_videos(
            both, lambda places: {name: take(values, places) for name, values in features.items()}, len(rows)
        )
        of_vectors, of_weights = shapes[0]
        vectors, weights = joined.split([of_vectors.numel(), of_weights.numel()], dim=1)
        return Entered(vectors.unflatten(1, of_vectors), weights.unflatten(1, of_weights), self.names)
