"""Measures: one number for how well captions find their videos, from the rank of each caption's own video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 1024  # ranks that are summed at a time


@dataclass(frozen=True)
class Measure:
    """A measure of ranks: its name as `train.best` gives it, which end is good, and its formula."""

    name: str
    lower: bool  # a lower value is better
    formula: Callable[[Tensor], Tensor]  # of ranks [C], a scalar

    def of(self, ranks: Tensor) -> float:
        """The value for ranks [C] float64; NaN where one of them is NaN. Waits for a GPU once."""
        return float(self.formula(ranks).masked_fill(ranks.isnan().any(), torch.nan))

    def gain(self, value: float) -> float:
        """A value such that larger is better: its negative, where lower values are better."""
        return -value if self.lower else value


def _mean_reciprocal(ranks: Tensor) -> Tensor:
    total = torch.zeros((), dtype=torch.float64, device=ranks.device)
    for block in torch.split(ranks, BLOCK):
        total += (1 / block).sum()
    return total / len(ranks)


def _share(most: int) -> Callable[[Tensor], Tensor]:
    """Percent of the ranks that are at most `most`."""
    return lambda ranks: (ranks <= most).double().mean() * 100


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("mrr", False, _mean_reciprocal),  # mean of 1 / rank, in 0..1
        Measure("r1", False, _share(1)),
        Measure("r5", False, _share(5)),
        Measure("r10", False, _share(10)),
        Measure("medr", True, lambda ranks: torch.quantile(ranks, 0.5)),  # of an even number: between the two
        Measure("meanr", True, torch.mean),
        Measure("map", False, _mean_reciprocal),  # a caption has one video, whose average precision is 1 / rank
    )
}
MRR = MEASURES["mrr"]
