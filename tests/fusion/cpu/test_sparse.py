"""Sparse rows times a weight: values and gradients are those of the dense product."""

import pytest
import torch
from scipy.sparse import csr_matrix
from torch import nn

from fusion.cpu.sparse import weighted_rows
from fusion.features import Sparse

ROWS = torch.tensor([[0.0, 2, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 3, 0]], dtype=torch.float64)


@pytest.fixture
def weight() -> nn.Parameter:
    return nn.Parameter(torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))


def sparse() -> Sparse:
    return Sparse.of(csr_matrix(ROWS.numpy()))


def test_equals_the_dense_product(weight: nn.Parameter) -> None:
    factor = torch.arange(12.0, dtype=torch.float64).view(3, 4)
    product = weighted_rows(sparse(), weight)
    (product * factor).sum().backward()
    torch.testing.assert_close(product, ROWS @ weight)
    torch.testing.assert_close(weight.grad.to_dense(), ROWS.T @ factor)


def test_the_gradient_holds_the_touched_rows_once(weight: nn.Parameter) -> None:
    weighted_rows(sparse(), weight).sum().backward()
    assert weight.grad.is_sparse
    assert weight.grad._indices().tolist() == [[1, 3]]
    torch.testing.assert_close(weight.grad._values(), torch.tensor([[2.0] * 4, [4.0] * 4], dtype=torch.float64))


def test_a_column_that_stands_twice_in_a_row(weight: nn.Parameter) -> None:
    """2 * W[3] + 5 * W[3] = 7 * W[3]."""
    twice = Sparse(torch.tensor([3, 3]), torch.tensor([0, 2]), torch.tensor([2.0, 5.0]), 5)
    product = weighted_rows(twice, weight)
    product.sum().backward()
    torch.testing.assert_close(product, 7 * weight[[3]])
    torch.testing.assert_close(weight.grad.to_dense()[3], torch.full((4,), 7.0, dtype=torch.float64))


def test_rows_without_entries(weight: nn.Parameter) -> None:
    none = Sparse(torch.tensor([], dtype=torch.int64), torch.tensor([0, 0, 0]), torch.tensor([]), 5)
    product = weighted_rows(none, weight)
    product.sum().backward()
    assert torch.equal(product, torch.zeros(2, 4, dtype=torch.float64))
    assert not weight.grad.to_dense().any()


def test_part_of_a_parameter_has_a_dense_gradient(weight: nn.Parameter) -> None:
    wide = Sparse.of(csr_matrix(ROWS[:, :3].numpy()))
    weighted_rows(wide, weight[:3]).sum().backward()
    assert not weight.grad.is_sparse
    torch.testing.assert_close(weight.grad[1], torch.full((4,), 2.0, dtype=torch.float64))


def test_used_twice_in_one_loss(weight: nn.Parameter) -> None:
    """Two uses of one weight add their gradients."""
    (weighted_rows(sparse(), weight).sum() + weighted_rows(sparse(), weight).sum()).backward()
    torch.testing.assert_close(weight.grad.to_dense(), 2 * ROWS.T @ torch.ones(3, 4, dtype=torch.float64))


def test_a_second_derivative_is_refused(weight: nn.Parameter) -> None:
    """It is not written: an error, and no wrong number."""
    loss = weighted_rows(sparse(), weight).square().sum()
    (gradient,) = torch.autograd.grad(loss, weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.to_dense().sum().backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_switch_takes_embedding_bag(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same values; the same gradient, dense."""
    weight = nn.Parameter(torch.randn(5, 4, dtype=dtype, generator=torch.Generator().manual_seed(0)))
    factor = torch.arange(12.0, dtype=dtype).view(3, 4)
    products, gradients = [], []
    for value in ("", "1"):
        monkeypatch.setenv("LAFF_PLAIN", value)
        weight.grad = None
        products.append(weighted_rows(sparse(), weight))
        (products[-1] * factor).sum().backward()
        gradients.append(weight.grad)
    torch.testing.assert_close(products[1], products[0])
    assert [gradient.is_sparse for gradient in gradients] == [True, False]
    torch.testing.assert_close(gradients[1], gradients[0].to_dense())
