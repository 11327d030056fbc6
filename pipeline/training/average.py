"""The mean of the weights after each of a training's last epochs, whichever epoch turns out to be the last one.

Source: Vaswani et al., "Attention is all you need", NeurIPS 2017 (the mean of the last checkpoints); Izmailov et al.,
"Averaging weights leads to wider optima", UAI 2018 (batch statistics anew for the mean weights).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from pipeline.graph.recipe import Recipe


class Sum(TypedDict):
    """The sum of the weights after some epochs."""

    epochs: int
    total: dict[str, Tensor]


class LastEpochs:
    """Sums of weights, from which the mean over the last epochs follows at the end.

    A training ends after its last epoch, or `patience` epochs after its best one. So two sums are enough: one over the
    last epochs that it can have, and one over the latest epochs without a new best, which a new best empties.
    """

    def __init__(self, count: int, recipe: Recipe) -> None:
        """count: epochs, 1 to the recipe's `epochs`, and to its `patience` unless that is 0."""
        self._count = count
        self._recipe = recipe
        self._at_end, self._stale = _nothing(), _nothing()

    def end_epoch(self, epoch: int, stale: int, model: nn.Module) -> None:
        """Add the weights after an epoch (from 1) where they may be wanted; stale: epochs since the best one."""
        recipe = self._recipe
        if epoch > recipe.epochs - self._count:
            _add(self._at_end, model)
        if stale == 0:
            self._stale = _nothing()
        elif recipe.patience and stale > recipe.patience - self._count:
            _add(self._stale, model)

    def mean(self, epoch: int) -> dict[str, Tensor]:
        """The mean weights after the last epoch; whole numbers, such as counts of batches, as they are after it."""
        summed = self._at_end if epoch >= self._recipe.epochs else self._stale
        return {
            name: total / summed["epochs"] if total.is_floating_point() else total
            for name, total in summed["total"].items()
        }

    def state(self) -> dict[str, Any]:
        """Both sums, for last.pt."""
        return {"at_end": self._at_end, "stale": self._stale}

    def load(self, state: Mapping[str, Sum], device: torch.device) -> None:
        """Take the sums of last.pt."""
        self._at_end, self._stale = (
            Sum(
                epochs=state[name]["epochs"],
                total={key: value.to(device) for key, value in state[name]["total"].items()},
            )
            for name in ("at_end", "stale")
        )


def _nothing() -> Sum:
    return Sum(epochs=0, total={})


def _add(summed: Sum, model: nn.Module) -> None:
    """Add a model's weights and buffers to a sum."""
    for name, value in model.state_dict().items():
        if name in summed["total"] and value.is_floating_point():
            summed["total"][name] += value
        else:
            summed["total"][name] = value.detach().clone()
    summed["epochs"] += 1


def has_statistics(model: nn.Module) -> bool:
    """Whether a model keeps statistics of batches, which are those of other weights once its weights are averaged."""
    return any(_normalises(module) for module in model.modules())


@contextmanager
def fresh_statistics(model: nn.Module) -> Iterator[None]:
    """A context in which statistics of batches begin anew, and each forward counts alike in them.

    The caller calls `next_batch` before each forward.
    """
    layers: list[Any] = [module for module in model.modules() if _normalises(module)]
    before = [layer.momentum for layer in layers]
    try:
        yield
    finally:
        for layer, momentum in zip(layers, before, strict=True):
            layer.momentum = momentum


def next_batch(model: nn.Module, number: int) -> None:
    """Let the next forward be batch `number` (from 1): it has a share of 1 / number in the statistics."""
    for module in model.modules():
        if _normalises(module):
            module.momentum = 1 / number  # type: ignore[assignment]


def _normalises(module: nn.Module) -> bool:
    """Whether a layer normalises by batches: it has a momentum and buffers."""
    return isinstance(getattr(module, "momentum", None), float) and any(True for _ in module.buffers(recurse=False))
