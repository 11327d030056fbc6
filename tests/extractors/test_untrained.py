"""Random weights: the same each time, without a trace, and with features that tell videos apart."""

import torch
from torch import nn

from extractors.untrained import seeded, settle


def test_seeded_draws_the_same_and_leaves_the_random_state() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with seeded():
        one = torch.rand(3)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    with seeded():
        assert torch.equal(one, torch.rand(3))


def test_settle_gives_each_layer_unit_variance() -> None:
    """Ten layers that each shrink the signal: without settling the output is some 1e-10 of the input."""
    layers: list[nn.Module] = []
    for _ in range(10):
        layers += [nn.Conv3d(3, 3, 1, bias=False), nn.BatchNorm3d(3)]
        nn.init.constant_(layers[-2].weight, 0.0)
        layers[-2].weight.data += torch.eye(3)[:, :, None, None, None] * 0.1
    net = nn.Sequential(*layers)
    settle(net, frames=4, crop=16)
    assert not net.training
    assert net[1].momentum == 0.1
    with torch.no_grad():
        assert 0.5 < float(net(torch.randn(8, 3, 4, 16, 16)).std()) < 5  # finer noise than settled with: wider
