"""Dropout: shares and scale, the gradient's mask, seeds, and where it does nothing."""

import pytest
import torch

from fusion.dropout import Dropout


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_share_and_scale(p: float) -> None:
    """Of 10^5 ones a share p is 0 (standard error at most 0.0016), the others 1 / (1 - p), neighbours independent."""
    torch.manual_seed(0)
    found = Dropout(p)(torch.ones(500, 200))
    zero = found == 0
    assert float(zero.double().mean()) == pytest.approx(p, abs=0.008)
    torch.testing.assert_close(found[~zero], torch.full((int((~zero).sum()),), 1 / (1 - p)), rtol=1e-3, atol=0)
    for shift in (1, 2, 3, 4):
        both = (zero[:, shift:] & zero[:, :-shift]).double().mean()
        assert float(both) == pytest.approx(p * p, abs=0.01)


def test_the_gradient_passes_where_numbers_pass() -> None:
    rows = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)  # 21 numbers: not a multiple of four
    found = Dropout(0.5)(rows)
    found.sum().backward()
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, rows * rows.grad)
    assert set(rows.grad.unique().tolist()) == {0.0, 2.0}


def test_the_seed_decides() -> None:
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(Dropout(0.5)(torch.ones(64)))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_nothing_is_dropped() -> None:
    rows, state = torch.randn(4, 5), torch.get_rng_state()
    assert torch.equal(Dropout(0.5).eval()(rows), rows)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(Dropout(0.0)(rows), rows)
