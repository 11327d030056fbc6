"""Measures of ranks by hand."""

import math

import pytest
import torch

from fusion.measures import MEASURES, MRR

RANKS = torch.tensor([1.0, 1.5, 5.0, 11.0], dtype=torch.float64)  # the second ties with another video


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mrr", (1 + 1 / 1.5 + 1 / 5 + 1 / 11) / 4),
        ("map", (1 + 1 / 1.5 + 1 / 5 + 1 / 11) / 4),
        ("r1", 25.0),  # half a tie is not the first place
        ("r5", 75.0),
        ("r10", 75.0),
        ("medr", 3.25),
        ("meanr", 18.5 / 4),
    ],
)
def test_by_hand(name: str, value: float) -> None:
    assert MEASURES[name].of(RANKS) == pytest.approx(value, rel=1e-12)


def test_a_median_of_an_odd_number_is_the_middle_one() -> None:
    assert MEASURES["medr"].of(torch.tensor([9.0, 2.0, 3.0], dtype=torch.float64)) == 3


@pytest.mark.parametrize("name", MEASURES)
def test_a_rank_that_is_no_number_is_not_hidden(name: str) -> None:
    assert math.isnan(MEASURES[name].of(torch.tensor([1.0, math.nan], dtype=torch.float64)))


@pytest.mark.parametrize("name", MEASURES)
def test_a_better_rank_gains(name: str) -> None:
    better = torch.tensor([1.0, 1.0, 4.0, 9.0], dtype=torch.float64)
    worse = torch.tensor([2.0, 6.0, 11.0, 12.0], dtype=torch.float64)
    measure = MEASURES[name]
    assert measure.gain(measure.of(better)) > measure.gain(measure.of(worse))
    assert measure.lower == (name in ("medr", "meanr"))


def test_blocks_sum_up_to_the_whole() -> None:
    many = torch.arange(1, 3001, dtype=torch.float64)
    assert MRR.of(many) == pytest.approx(sum(1 / rank for rank in range(1, 3001)) / 3000, rel=1e-12)
