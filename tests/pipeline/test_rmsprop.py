"""Our RMSprop gives the numbers of torch's, bit for bit."""

import pytest
import torch
from torch import nn

import pipeline.rmsprop
from pipeline.rmsprop import RMSprop


@pytest.mark.parametrize("transposed", [False, True])
def test_equals_torchs(transposed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.rmsprop, "PIECE", 1 << 10)
    torch.manual_seed(0)
    start = torch.randn(37, 101).T if transposed else torch.randn(37, 101)
    ours, theirs, idle = nn.Parameter(start.clone()), nn.Parameter(start.clone()), nn.Parameter(torch.ones(2))
    optimizers = [RMSprop([ours, idle], lr=1e-3), torch.optim.RMSprop([theirs], lr=1e-3, alpha=0.99, eps=1e-8)]
    for _ in range(5):
        ours.grad = torch.randn_like(start)
        theirs.grad = ours.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    assert torch.equal(ours, theirs)
    assert torch.equal(optimizers[0].state[ours]["square_avg"], optimizers[1].state[theirs]["square_avg"])
    assert torch.equal(idle, torch.ones(2))
    assert not torch.equal(ours, start)
