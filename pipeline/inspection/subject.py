"""The model that is looked into, and the part of the test split that it is shown; nothing is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pipeline.assembly import assemble
from pipeline.graph.models import Model
from pipeline.plan.context import Context
from pipeline.ranking.embed import blocks

if TYPE_CHECKING:
    from torch import Tensor

    from fusion.features import Split
    from fusion.spaces import Spaces

Taken = TypeVar("Taken")


@dataclass(frozen=True)
class Subject:
    """One model of the workspace, with the seeds that it is trained with."""

    context: Context
    model: Model
    seeds: tuple[int, ...]
    test: Split  # the features that the model fuses
    encoders: Sequence[assemble.Joint]

    @property
    def name(self) -> str:
        """The name of its row in the table of results."""
        return self.model.name

    def trained(self, seed: int) -> Spaces:
        """The model with the weights of its best epoch."""
        stage = self.context.graph.of_step("train")
        return assemble.trained(self.context, stage, self.model, self.test, self.encoders, seed)


def in_blocks(take: Callable[[Tensor], Taken], count: int) -> Iterator[Taken]:
    """take(row numbers) for `count` rows, some hundred at a time, so that little memory is used."""
    import torch

    for block in blocks(np.arange(count)):
        yield take(torch.from_numpy(block))
