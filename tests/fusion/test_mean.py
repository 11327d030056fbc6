"""The mean of transformed features, by hand."""

import math

import pytest
import torch

from fusion.mean import Mean


def test_by_hand() -> None:
    """Two heads of one column: tanh(2 * 0.5) and tanh(3 * 0.1), tanh(2 * -1) and tanh(3 * 0.2 + 0.4), halved sums."""
    block = Mean(dims={"a": 1, "b": 1}, heads=2, width=1, dropout=0.0).double()
    with torch.no_grad():
        block.enter["a"].weight.copy_(torch.tensor([[0.5, -1.0]]))
        block.enter["b"].weight.copy_(torch.tensor([[0.1, 0.2]]))
        block.enter["b"].bias.copy_(torch.tensor([0.0, 0.4]))
    fused, weights = block({"a": torch.tensor([[2.0]]), "b": torch.tensor([[3.0]])})
    first, second = (math.tanh(1) + math.tanh(0.3)) / 2, (math.tanh(-2) + math.tanh(1)) / 2
    assert fused.shape == (1, 2, 1)
    assert fused.flatten().tolist() == pytest.approx([first, second], abs=1e-8)
    assert torch.equal(weights, torch.full((1, 2, 2), 0.5, dtype=torch.float64))
