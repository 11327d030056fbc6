"""Our RMSprop takes the steps of torch's: dense, clipped, sparse, from another memory order, past its own period."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pipeline.training.rmsprop
from pipeline.training.rmsprop import RMSprop

SCALE = 0.37


def theirs(parameter: nn.Parameter) -> torch.optim.Optimizer:
    return torch.optim.RMSprop([parameter], lr=1e-3, alpha=0.99, eps=1e-8)


def mean_of_squares(optimizer: RMSprop, parameter: Tensor) -> Tensor:
    state = optimizer.state[parameter]
    return state["sum"] * 0.99 ** state["steps"]


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """Whether torch has the kernel is found out again in each test."""
    pipeline.training.rmsprop.has_kernel.cache_clear()
    yield
    pipeline.training.rmsprop.has_kernel.cache_clear()


def absent(*args: Any, **named: Any) -> None:
    raise NotImplementedError("no kernel for these tensors")


def other_signature(parameters: list[Tensor]) -> None:
    raise AssertionError("unreachable: it is called with more")


def not_to_be_called(*args: Any, **named: Any) -> None:
    raise AssertionError("LAFF_PLAIN=1 should keep from here")


def other_rule(parameters: list[Tensor], *args: Any, **named: Any) -> None:
    for parameter in parameters:
        parameter.zero_()


def test_torch_has_the_kernel() -> None:
    """Of the pinned torch, so that nobody pays for its absence without knowing."""
    assert pipeline.training.rmsprop.has_kernel("cpu", torch.float32)


@pytest.mark.parametrize("kernel", [absent, other_signature, other_rule, None, "switched off"])
@pytest.mark.parametrize("scaled", [False, True])
def test_without_the_kernel(scaled: bool, kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten steps in double precision, two parameters of them together."""
    if kernel is None:
        monkeypatch.delattr(torch, "_fused_adagrad_")
    elif kernel == "switched off":
        monkeypatch.setenv("LAFF_PLAIN", "1")
        monkeypatch.setattr(torch, "_fused_adagrad_", not_to_be_called)
    else:
        monkeypatch.setattr(torch, "_fused_adagrad_", kernel)
    starts = torch.randn(5, 3, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    ours, others = ([nn.Parameter(start.clone()) for start in starts] for _ in range(2))
    our, their = RMSprop(ours, lr=1e-3), torch.optim.RMSprop(others, lr=1e-3, alpha=0.99, eps=1e-8)
    for _ in range(10):
        for one, other in zip(ours, others, strict=True):
            gradient = torch.randn_like(one) * 1e-6
            one.grad, other.grad = gradient.clone(), gradient * (SCALE if scaled else 1)
        our.step(torch.tensor(SCALE) if scaled else None)
        their.step()
    for one, other in zip(ours, others, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-8)


def test_no_compiler_is_loaded() -> None:
    """torch's optimizers import its compiler and triton: 150 MiB, a tenth of what a training takes."""
    script = """
import sys, torch
from pipeline.training.rmsprop import RMSprop
p = torch.nn.Parameter(torch.ones(3))
optimizer = RMSprop([p], lr=1.0)
p.grad = torch.ones(3)
optimizer.step()
optimizer.zero_grad(set_to_none=True)
optimizer.load_state_dict(optimizer.state_dict())
assert p.grad is None and optimizer.state[p]["steps"] == 1
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("scaled", [False, True])
def test_the_kernel_equals_plain_operations(scaled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32, with a dense and a sparse gradient; the state of one goes on with the other, step by step."""
    runs = []
    for switches in (("",) * 6, ("1",) * 6, ("", "1") * 3):
        generator = torch.Generator().manual_seed(0)
        dense, table = (nn.Parameter(torch.randn(6, 4, generator=generator)) for _ in range(2))
        optimizer = RMSprop([dense, table], lr=1e-3)
        for switch in switches:
            monkeypatch.setenv("LAFF_PLAIN", switch)
            dense.grad = torch.randn(6, 4, generator=generator)
            values = torch.randn(2, 4, generator=generator)
            table.grad = torch.sparse_coo_tensor(torch.tensor([[1, 4]]), values, (6, 4), check_invariants=True)
            optimizer.step(torch.tensor(SCALE) if scaled else None)
        runs.append((dense, table, optimizer))
    for dense, table, optimizer in runs[1:]:
        torch.testing.assert_close(dense, runs[0][0], rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(table, runs[0][1], rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(
            mean_of_squares(optimizer, dense), mean_of_squares(runs[0][2], runs[0][0]), rtol=1e-6, atol=0
        )


def test_a_method_that_torch_does_not_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another torch may guard its methods in another way: they are then taken as they are, and steps are the same."""
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        monkeypatch.delattr(getattr(torch.optim.Optimizer, name), "__wrapped__")
    spec = importlib.util.spec_from_file_location("rmsprop_anew", str(pipeline.training.rmsprop.__file__))
    assert spec is not None
    assert spec.loader is not None
    anew = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(anew)
    assert anew.RMSprop.zero_grad is torch.optim.Optimizer.zero_grad
    p = nn.Parameter(torch.ones(3))
    optimizer = anew.RMSprop([p], lr=1e-3)
    p.grad = torch.ones(3)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    optimizer.load_state_dict(optimizer.state_dict())
    assert p.grad is None
    assert optimizer.state[p]["steps"] == 1
    assert p.tolist() == pytest.approx([1 - 1e-3 / 0.1] * 3, rel=1e-6)  # lr g / sqrt(0.01 g^2)


def test_a_sparse_gradient_without_rows() -> None:
    """Nothing moves, and the sums count the step."""
    table = nn.Parameter(torch.ones(4, 2))
    optimizer = RMSprop([table], lr=1e-3)
    numbers, values = torch.zeros(1, 0, dtype=torch.int64), torch.zeros(0, 2)
    table.grad = torch.sparse_coo_tensor(numbers, values, (4, 2), check_invariants=True)
    optimizer.step(torch.tensor(0.5))
    assert torch.equal(table, torch.ones(4, 2))
    assert optimizer.state[table]["steps"] == 1
    assert not optimizer.state[table]["sum"].any()


@pytest.mark.parametrize("period", [3, 1024])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("turned", ["", "parameter", "gradient"])
def test_equals_torchs(turned: str, scaled: bool, period: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten steps in double precision; `turned` lies transposed in memory."""
    monkeypatch.setattr(pipeline.training.rmsprop, "PERIOD", period)
    torch.manual_seed(0)
    start = torch.randn(37, 101, dtype=torch.float64)
    ours = nn.Parameter(start.T.contiguous().T if turned == "parameter" else start.clone())
    idle, other = nn.Parameter(torch.ones(2)), nn.Parameter(start.clone())
    our, their = RMSprop([ours, idle], lr=1e-3), theirs(other)
    for _ in range(10):
        gradient = torch.randn_like(start) * 1e-6  # near EPS, so that its place shows
        ours.grad = gradient.T.contiguous().T if turned == "gradient" else gradient.clone()
        other.grad = gradient * SCALE if scaled else gradient
        our.step(torch.tensor(SCALE) if scaled else None)
        their.step()
    torch.testing.assert_close(ours, other, rtol=0, atol=1e-8)  # of steps of up to 1e-2; the scale is a float32
    torch.testing.assert_close(mean_of_squares(our, ours), their.state[other]["square_avg"], rtol=1e-6, atol=0)
    assert torch.equal(idle, torch.ones(2))
    assert not our.state[idle]


def test_float32_over_many_steps() -> None:
    """3,000 steps, so past the period: as near to torch's in double precision as torch's own float32 is."""
    torch.manual_seed(0)
    start = torch.randn(50)
    ours, single = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    double = nn.Parameter(start.double())
    our, optimizers = RMSprop([ours], lr=1e-3), (theirs(single), theirs(double))
    for _ in range(3000):
        gradient = torch.randn(50)
        for parameter in (ours, single, double):
            parameter.grad = gradient.to(parameter.dtype, copy=True)
        our.step()
        for optimizer in optimizers:
            optimizer.step()
    error, theirs_error = ((p.detach() - double.detach()).abs().max() for p in (ours, single))
    assert error < 2 * theirs_error + 1e-6
    torch.testing.assert_close(
        mean_of_squares(our, ours).double(), optimizers[1].state[double]["square_avg"], rtol=1e-4, atol=0
    )


@pytest.mark.parametrize("scaled", [False, True])
def test_sparse_gradients_are_dense_ones(scaled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows come and go over twelve steps, some stand twice in a gradient, one never comes, one only after a pause."""
    monkeypatch.setattr(pipeline.training.rmsprop, "PERIOD", 5)
    torch.manual_seed(0)
    start = torch.randn(6, 4, dtype=torch.float64)
    ours, other = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    our, their = RMSprop([ours], lr=1e-3), theirs(other)
    for number in range(12):
        numbers = torch.tensor([[0, 2], [2, 4], [0, 0], [5, 4]][number % 3 if number < 11 else 3])
        values = torch.randn(2, 4, dtype=torch.float64)
        ours.grad = torch.sparse_coo_tensor(numbers[None], values, start.shape, check_invariants=True)
        other.grad = torch.zeros_like(start).index_add_(0, numbers, values * (SCALE if scaled else 1))
        our.step(torch.tensor(SCALE) if scaled else None)
        their.step()
    torch.testing.assert_close(ours, other, rtol=0, atol=1e-8)
    torch.testing.assert_close(mean_of_squares(our, ours), their.state[other]["square_avg"], rtol=1e-6, atol=0)
    assert torch.equal(ours[[1, 3]], start[[1, 3]])
    assert not torch.isclose(ours[5], start[5]).any()


def test_state_goes_on_where_it_was() -> None:
    """Five steps equal two, a copy of the state in a new optimizer, and three more, bit for bit."""
    torch.manual_seed(0)
    gradients = torch.randn(5, 7)
    whole, parts = nn.Parameter(torch.zeros(7)), nn.Parameter(torch.zeros(7))
    straight, halved = RMSprop([whole], lr=1e-3), RMSprop([parts], lr=1e-3)
    for number, gradient in enumerate(gradients):
        if number == 2:
            state = halved.state_dict()
            halved = RMSprop([parts], lr=1e-3)
            halved.load_state_dict(state)
        for parameter, optimizer in ((whole, straight), (parts, halved)):
            parameter.grad = gradient.clone()
            optimizer.step()
    assert torch.equal(whole, parts)
