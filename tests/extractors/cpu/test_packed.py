"""Packed weights: torch's own product up to rounding, for any number of rows, and where torch cannot pack."""

from collections.abc import Iterator

import pytest
import torch

from extractors.cpu import packed
from extractors.cpu.packed import AT_ONCE, Packed, can_pack


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """Whether torch can pack is found out again in each test."""
    can_pack.cache_clear()
    yield
    can_pack.cache_clear()


def given(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(rows, 40), torch.randn(48, 40)


@pytest.mark.parametrize("rows", [1, 4, 63, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE])
@pytest.mark.parametrize("turned", [False, True])
def test_equals_the_product(rows: int, turned: bool) -> None:
    left, weight = given(rows)
    if turned:  # a view whose columns lie one after the other, as the backward pass gives it
        weight = weight.T.contiguous().T
    wanted = (left.double() @ weight.double().T).float()
    torch.testing.assert_close(Packed(weight)(left), wanted, rtol=1e-5, atol=1e-5)
    assert torch.equal(Packed(weight)(left), Packed(weight)(left))


def test_a_row_does_not_depend_on_those_that_fill_up() -> None:
    """5 rows are filled up to 8: their products are those that 8 real rows give."""
    left, weight = given(8)
    assert torch.equal(Packed(weight)(left[:5]), Packed(weight)(left)[:5])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float32])
def test_without_the_operators_it_is_torch_s_product(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise NotImplementedError("no oneDNN here")

    monkeypatch.setattr(packed, "_pack", missing)
    left, weight = (part.to(dtype) for part in given(5))
    assert not can_pack(dtype)
    assert torch.equal(Packed(weight)(left), left @ weight.T)


def test_operators_that_give_something_else_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_product", lambda rows, weight: rows)
    assert not can_pack(torch.float32)
