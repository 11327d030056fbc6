"""The randomisation test against all sign flips written out, and Holm's correction by hand."""

from itertools import product

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.evaluation.significance import holm, randomisation


def exact(sums: list[float]) -> float:
    """The share of all sign flips whose sum is at least as far from 0 as the real one."""
    real = abs(sum(sums))
    flips = [abs(sum(s * d for s, d in zip(signs, sums, strict=True))) for signs in product((1, -1), repeat=len(sums))]
    return sum(one >= real - 1e-9 for one in flips) / len(flips)


def test_it_approaches_the_share_of_all_flips() -> None:
    a, b = np.array([0.9, 0.5, 0.7, 0.2, 0.8, 0.6, 0.4]), np.array([0.5, 0.55, 0.3, 0.25, 0.3, 0.5, 0.1])
    wanted = exact([0.4, -0.05, 0.4, -0.05, 0.5, 0.1, 0.3])
    assert 0.01 < wanted < 0.1
    assert randomisation(a, b, np.arange(7), samples=50_000) == pytest.approx(wanted, abs=4e-3)


def test_a_group_is_flipped_as_a_whole() -> None:
    """Three captions of each of three videos, every one better by 1: there are 2^3 flips, not 2^9; 2 of 8 reach 9."""
    a, b, groups = np.ones(9), np.zeros(9), np.array([7, 7, 7, 1, 1, 1, 4, 4, 4])
    assert randomisation(a, b, groups, samples=50_000) == pytest.approx(2 / 8, abs=8e-3)
    assert randomisation(a, b, np.arange(9), samples=50_000) == pytest.approx(2 / 512, abs=2e-3)


def test_it_is_two_sided_and_never_zero() -> None:
    a, b = np.linspace(0.5, 1, 60), np.linspace(0.1, 0.4, 60)
    assert randomisation(a, b, np.arange(60), samples=999) == randomisation(b, a, np.arange(60), samples=999) == 1e-3


def test_nothing_differs() -> None:
    """0.1 + 0.2 against 0.3: a difference of rounding is none."""
    a, b = np.array([0.1 + 0.2, 0.3]), np.array([0.3, 0.1 + 0.2])
    assert randomisation(a, a, np.arange(2)) == 1.0
    assert randomisation(a, b, np.zeros(2)) == 1.0


def test_the_seed_decides() -> None:
    generator = np.random.default_rng(3)
    a, b, groups = generator.random(40), generator.random(40), np.arange(40) // 2
    one, again, other = (randomisation(a, b, groups, seed) for seed in (0, 0, 1))
    assert one == again != other
    assert other == pytest.approx(one, abs=0.03)


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(LaffError, match="same queries"):
        randomisation(np.ones(3), np.ones(2), np.ones(3))
    with pytest.raises(LaffError, match="at least one"):
        randomisation(np.ones(3), np.ones(3), np.ones(3), samples=0)


def test_holm_by_hand() -> None:
    """.01 x 3, then .04 x 2 = .08, then .045 x 1, which may not be below the one before."""
    assert holm({"b": 0.045, "a": 0.01, "c": 0.04}) == pytest.approx({"b": 0.08, "a": 0.03, "c": 0.08})
    assert holm({"a": 0.7, "b": 0.6}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}
