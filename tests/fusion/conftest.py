"""What references in float64 share: a model away from its start, its numbers as numpy, rows, and the loss by loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

Numbers = dict[str, np.ndarray]


@pytest.fixture
def moved() -> Callable[[nn.Module], Numbers]:
    """`moved(model)` makes it float64, moves every parameter a little, and returns them by name as numpy arrays."""

    def move(model: nn.Module) -> Numbers:
        model.double()
        generator = torch.Generator().manual_seed(11)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        return {name: value.detach().numpy().copy() for name, value in model.named_parameters()}

    return move


@pytest.fixture
def given() -> Callable[..., dict[str, Tensor]]:
    """`given(dims, rows, seed)`: random float64 rows of features."""

    def make(dims: Mapping[str, int], count: int = 4, seed: int = 1) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return {name: torch.randn(count, dim, generator=generator, dtype=torch.float64) for name, dim in dims.items()}

    return make


@pytest.fixture
def loss_by_hand() -> Callable[[np.ndarray], float]:
    """`loss_by_hand(cosines [S, C, V])`: hinge of every caption against its hardest video, summed over all."""

    def total(cosines: np.ndarray) -> float:
        loss = 0.0
        for space in cosines:
            for i, row in enumerate(space):
                loss += max(max(0.2 + other - row[i] for j, other in enumerate(row) if j != i), 0.0)
        return loss

    return total


@pytest.fixture
def length_one() -> Callable[[np.ndarray], np.ndarray]:
    """`length_one(rows)`: along the last axis."""
    return lambda vectors: vectors / np.sqrt((vectors**2).sum(axis=-1, keepdims=True))
