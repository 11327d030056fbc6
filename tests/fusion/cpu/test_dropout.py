"""Dropout: shares and scale, the gradient's mask, seeds, and where it does nothing."""

import pytest
import torch
from torch import nn

from fusion.cpu import plain
from fusion.cpu.dropout import Dropout


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_share_and_scale(p: float) -> None:
    """Of 10^5 ones a share p is 0 (standard error at most 0.0016), the others 1 / (1 - p), neighbours independent."""
    torch.manual_seed(0)
    dropped = Dropout(p)(torch.ones(500, 200))
    zero = dropped == 0
    assert float(zero.double().mean()) == pytest.approx(p, abs=0.008)
    torch.testing.assert_close(dropped[~zero], torch.full((int((~zero).sum()),), 1 / (1 - p)), rtol=1e-3, atol=0)
    for shift in (1, 2, 3, 4):
        both = (zero[:, shift:] & zero[:, :-shift]).double().mean()
        assert float(both) == pytest.approx(p * p, abs=0.01)


def test_the_gradient_passes_where_numbers_pass() -> None:
    values = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)  # 21 numbers: not a multiple of four
    dropped = Dropout(0.5)(values)
    dropped.sum().backward()
    assert dropped.dtype == torch.float64
    torch.testing.assert_close(dropped, values * values.grad)
    assert set(values.grad.unique().tolist()) == {0.0, 2.0}


def test_the_seed_decides() -> None:
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(Dropout(0.5)(torch.ones(64)))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_nothing_is_dropped() -> None:
    values, state = torch.randn(4, 5), torch.get_rng_state()
    assert torch.equal(Dropout(0.5).eval()(values), values)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(Dropout(0.0)(values), values)


def test_bfloat16_keeps_its_type_and_scale() -> None:
    """Of ones half are 0, half 2, which bfloat16 holds exactly."""
    dropped = Dropout(0.5)(torch.ones(100, 100, dtype=torch.bfloat16))
    assert dropped.dtype == torch.bfloat16
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert float((dropped == 0).double().mean()) == pytest.approx(0.5, abs=0.03)


def test_a_chance_below_the_levels_is_not_rounded() -> None:
    """7e-6 is less than half of 1 / 65,536; of a million numbers it drops 7, as torch does, and scales the others."""
    dropped = Dropout(7e-6)(torch.ones(1000, 1000))
    assert 0 < int((dropped == 0).sum()) <= 20
    torch.testing.assert_close(dropped[dropped != 0].unique(), torch.tensor([1 / (1 - 7e-6)]), rtol=1e-7, atol=0)


@pytest.mark.parametrize("p", [0.9999, 0.99999, 1.0])
def test_a_chance_near_one_is_not_rounded(p: float) -> None:
    """What stays is divided by 1 - p exactly; of 10^6 numbers about 100, 10 or none stay."""
    dropped = Dropout(p)(torch.ones(1000, 1000))
    stay = dropped[dropped != 0]
    assert abs(len(stay) - 1e6 * (1 - p)) <= 5 * (1e6 * (1 - p)) ** 0.5
    torch.testing.assert_close(stay, torch.full_like(stay, 1 / max(1 - p, 1e-9)), rtol=1e-3, atol=0)


def test_the_switch_takes_nn_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its draws, in values and gradient; without the switch others, of the same share and scale."""
    gradients = []
    for value, dropout in (("1", Dropout(0.5)), ("1", nn.Dropout(0.5)), ("", Dropout(0.5))):
        monkeypatch.setenv("LAFF_PLAIN", value)
        torch.manual_seed(3)
        values = torch.randn(300, 100, requires_grad=True)
        dropped = dropout(values)
        dropped.sum().backward()
        torch.testing.assert_close(dropped, values * values.grad)
        gradients.append(values.grad)
    assert torch.equal(gradients[0], gradients[1])
    assert not torch.equal(gradients[0], gradients[2])
    for gradient in gradients:
        assert set(gradient.unique().tolist()) == {0.0, 2.0}
        assert float(gradient.mean()) == pytest.approx(1.0, abs=0.03)  # standard error 0.006


@pytest.mark.parametrize("value", ["", "0", "no", "False", "off", "1", "true"])
def test_values_of_the_switch(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAFF_PLAIN", value)
    assert plain() == (value in ("1", "true"))
    monkeypatch.delenv("LAFF_PLAIN")
    assert not plain()
