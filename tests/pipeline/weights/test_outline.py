"""Networks without memory: the names and shapes of the real ones, and no numbers drawn."""

import torch

from extractors.x3d import X3D
from pipeline.weights.outline import outline, unfilled


def test_names_and_shapes_are_those_of_the_network() -> None:
    part = X3D(size="XS", frames=4, crop=32, stride=0, weights="random")
    with outline():
        tensors = part.build().state_dict()
    real = part.build().state_dict()
    assert all(value.is_meta for value in tensors.values())
    assert {key: value.shape for key, value in tensors.items()} == {key: value.shape for key, value in real.items()}


def test_what_has_memory_is_filled() -> None:
    with unfilled():
        layer = torch.nn.Linear(3, 2)
        ones = torch.zeros(3).fill_(1)
        torch.nn.init.normal_(tensor=layer.bias)
        empty = torch.empty(2, device="meta").uniform_()
    assert ones.tolist() == [1] * 3
    assert len(set(layer.weight.flatten().tolist())) == 6
    assert len(set(layer.bias.tolist())) == 2
    assert empty.is_meta
