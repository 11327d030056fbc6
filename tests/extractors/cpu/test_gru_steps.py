"""The steps of the GRU written out: values and gradients are those of nn.GRU; rounded operands stay near.

And where nn.GRU itself is taken: with LAFF_PLAIN=1, and on a torch without the operators that the steps call.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from extractors.cpu import plain
from extractors.cpu.gru_steps import Order, Weights, has_derivatives, mean_states
from extractors.gru import GruEncoder

IDS = torch.tensor([4, 1, 2, 3, 8, 8, 0, 7, 1, 1, 5, 6, 2])
STARTS = torch.tensor([0, 1, 6, 8, 10, 13])  # captions of 1, 5, 2, 2 and 3 tokens
NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def random_gru(dtype: torch.dtype, hidden: int = 6) -> tuple[Tensor, nn.GRU]:
    torch.manual_seed(0)
    return torch.randn(9, 3, dtype=dtype, requires_grad=True), nn.GRU(3, hidden).to(dtype)


def ours(vectors: Tensor, gru: nn.GRU, backwards: bool = False) -> Tensor:
    return mean_states(IDS, STARTS, vectors, Weights(*(getattr(gru, name) for name in NAMES)), backwards)


def one_by_one(vectors: Tensor, gru: nn.GRU, backwards: bool) -> Tensor:
    """nn.GRU over each caption alone, and the mean of its outputs."""
    means = []
    for caption in IDS.tensor_split(STARTS[1:-1]):
        words = caption.flip(0) if backwards else caption
        means.append(gru(vectors[words])[0].mean(dim=0))
    return torch.stack(means)


@pytest.mark.parametrize("backwards", [False, True])
def test_equals_nn_gru(backwards: bool) -> None:
    vectors, gru = random_gru(torch.float64)
    means, wanted = ours(vectors, gru, backwards), one_by_one(vectors, gru, backwards)
    torch.testing.assert_close(means, wanted, rtol=1e-12, atol=1e-14)
    weight = torch.randn(5, 6, dtype=torch.float64)
    parameters = [vectors, *gru.parameters()]
    gradients = torch.autograd.grad((means * weight).sum(), parameters)
    expected = torch.autograd.grad((wanted * weight).sum(), parameters)
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one.to_dense(), other, rtol=1e-10, atol=1e-14)


def test_the_gradient_of_word_vectors_holds_the_words_that_occur() -> None:
    vectors, gru = random_gru(torch.float64)
    ours(vectors, gru).sum().backward()
    assert vectors.grad.is_sparse
    assert vectors.grad._indices().tolist() == [[0, 1, 2, 3, 4, 5, 6, 7, 8]]
    vectors.grad = None
    weights = Weights(*(getattr(gru, name) for name in NAMES))
    mean_states(torch.tensor([5, 2, 5]), torch.tensor([0, 2, 3]), vectors, weights).sum().backward()
    assert vectors.grad._indices().tolist() == [[2, 5]]


def test_without_gradients_it_is_the_same() -> None:
    vectors, gru = random_gru(torch.float32)
    with torch.no_grad():
        free = ours(vectors, gru)
    assert torch.equal(free, ours(vectors, gru).detach())
    assert not free.requires_grad


def test_rounded_operands() -> None:
    """Within bfloat16's rounding of float32, not equal to it; results and gradients are float32."""
    vectors, gru = random_gru(torch.float32, hidden=32)
    exact = ours(vectors, gru)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = ours(vectors, gru)
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.01)  # of states in -1..1
    parameters = [vectors, *gru.parameters()]
    for one, other in zip(
        torch.autograd.grad(rounded.sum(), parameters), torch.autograd.grad(exact.sum(), parameters), strict=True
    ):
        assert one.dtype == torch.float32
        assert float((one.to_dense() - other.to_dense()).norm() / other.to_dense().norm()) < 0.02


def test_order() -> None:
    """Captions [a], [b c d], [e f]: the longest first, step by step; backwards from the last tokens."""
    order = Order.of(torch.tensor([0, 1, 4, 6]))
    assert order.captions.tolist() == [1, 2, 0]
    assert order.lengths.tolist() == [3, 2, 1]
    assert order.sizes == [3, 2, 1]
    assert order.tokens.tolist() == [1, 4, 0, 2, 5, 3]  # b e a, c f, d
    assert Order.of(torch.tensor([0, 1, 4, 6]), backwards=True).tokens.tolist() == [3, 5, 0, 2, 4, 1]


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """Whether torch has the operators is found out again in each test."""
    has_derivatives.cache_clear()
    yield
    has_derivatives.cache_clear()


def learned(encoder: GruEncoder) -> tuple[Tensor, dict[str, Tensor]]:
    """The vectors of the captions, and a gradient for each parameter."""
    encoder.zero_grad()
    vectors = encoder(IDS, STARTS)
    (vectors * torch.randn(vectors.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    return vectors.detach(), {name: parameter.grad for name, parameter in encoder.named_parameters()}


def compare(encoder: GruEncoder, fast: Any, other: Any) -> None:
    """Equal within float32's rounding; the plain path is told by its dense gradient."""
    torch.testing.assert_close(other[0], fast[0], rtol=1e-5, atol=1e-6)
    assert list(other[1]) == list(fast[1]) == [name for name, _ in encoder.named_parameters()]
    for name, gradient in fast[1].items():
        torch.testing.assert_close(other[1][name], gradient.to_dense(), rtol=1e-4, atol=1e-6)
    assert fast[1]["embedding.weight"].is_sparse
    assert not other[1]["embedding.weight"].is_sparse


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_switch_takes_nn_gru(bidirectional: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = GruEncoder(9, 3, 6, bidirectional)
    fast = learned(encoder)
    monkeypatch.setenv("LAFF_PLAIN", "1")
    compare(encoder, fast, learned(encoder))


def test_the_switch_under_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """nn.GRU rounds states too, so the two are as near as bfloat16 is to float32."""
    encoder = GruEncoder(9, 3, 32)
    with torch.autocast("cpu", torch.bfloat16):
        fast = encoder(IDS, STARTS)
        monkeypatch.setenv("LAFF_PLAIN", "1")
        other = encoder(IDS, STARTS)
    assert other.dtype == torch.float32
    torch.testing.assert_close(other, fast, rtol=0, atol=0.02)  # of states in -1..1


@pytest.mark.parametrize("value", ["", "0", "no", "False", "off", "1", "true"])
def test_values_of_the_switch(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAFF_PLAIN", value)
    assert plain() == (value in ("1", "true"))
    monkeypatch.delenv("LAFF_PLAIN")
    assert not plain()


class Without:
    """torch's operators, one of them taken away or replaced."""

    def __init__(self, missing: str, instead: Any = None) -> None:
        self.real, self.missing, self.instead = torch.ops.aten, missing, instead

    def __getattr__(self, name: str) -> Any:
        if name == self.missing and self.instead is None:
            raise AttributeError(name)
        return self.instead if name == self.missing else getattr(self.real, name)


def other_signature(gradient: Tensor) -> Tensor:
    raise AssertionError("unreachable: it is called with more")


def other_rule(gradient: Tensor, value: Tensor, grad_input: Tensor | None = None) -> Tensor:
    return gradient


def test_torch_has_the_derivatives() -> None:
    """The pinned torch, so that nobody pays for their absence without knowing."""
    assert has_derivatives()


@pytest.mark.parametrize("instead", [None, other_signature, other_rule])
@pytest.mark.parametrize("name", ["tanh_backward", "sigmoid_backward"])
def test_without_the_derivatives(name: str, instead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = GruEncoder(9, 3, 6)
    fast = learned(encoder)
    has_derivatives.cache_clear()
    monkeypatch.setattr(torch.ops, "aten", Without(name, instead))
    compare(encoder, fast, learned(encoder))
