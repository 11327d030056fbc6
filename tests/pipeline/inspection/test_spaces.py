"""Spaces: Jaccard indices worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from fusion.features import Split
from pipeline.errors import LaffError
from pipeline.inspection import spaces

SCORES = torch.tensor(  # [C, S, V]: three spaces, five videos
    [
        [[9.0, 8, 0, 0, 0], [8, 0, 9, 0, 0], [0, 0, 0, 8, 9]],  # best two: {0, 1}, {0, 2}, {3, 4}
        [[8.0, 9, 0, 0, 0], [9, 8, 0, 0, 0], [0, 8, 9, 1, 1]],  # {0, 1}, {0, 1}, {1, 2}
    ]
)


class Given:
    """Every space gives the scores of its captions: videos are the unit vectors."""

    scores_pairs = False

    def video_units(self, features: dict[str, Tensor]) -> Tensor:
        return features["v"][:, None].expand(-1, SCORES.shape[1], -1)

    def text_units(self, features: dict[str, Tensor]) -> Tensor:
        return SCORES[features["t"][:, 0].long()]


def subject(model: object, captions: int = 2) -> SimpleNamespace:
    text = {"t": torch.arange(captions)[:, None] % 2}
    split = Split({"v": torch.eye(5)}, text, torch.zeros(captions, dtype=torch.int64))
    return SimpleNamespace(name="given", test=split, trained=lambda seed: model)


@pytest.mark.parametrize("captions", [2, 1026])  # in one block, in several
def test_three_spaces(captions: int) -> None:
    overlaps = spaces.overlap(subject(Given(), captions), 1, 2)
    # {0,1} {0,2}: 1 of 3; {0,1} {3,4}: none; {0,2} {3,4}: none. {0,1} {0,1}: all; twice {0,1} {1,2}: 1 of 3.
    first, other = (1 / 3 + 1) / 2, (0 + 1 / 3) / 2
    assert overlaps == pytest.approx(np.array([[1, first, other], [first, 1, other], [other, other, 1]]))
    assert spaces.off_diagonal(overlaps) == pytest.approx((first + other + other) / 3)


def test_as_many_as_there_are() -> None:
    assert spaces.overlap(subject(Given()), 1, 9) == pytest.approx(np.ones((3, 3)))


def test_jaccard_of_each_row() -> None:
    first = np.array([[3, 1, 2], [3, 1, 2], [7, 8, 9]])
    second = np.array([[1, 2, 3], [5, 2, 3], [1, 2, 3]])
    assert spaces.jaccard(first, second).tolist() == [1, 2 / 4, 0]


def test_by_chance() -> None:
    assert spaces.by_chance(2, 3) == pytest.approx(1 / 3 * 1 + 2 / 3 * 1 / 3)  # the same two of three, or one of them
    assert spaces.by_chance(1, 10) == pytest.approx(1 / 10)
    assert spaces.by_chance(9, 4) == 1


def test_no_two_spaces() -> None:
    class One(Given):
        def video_units(self, features: dict[str, Tensor]) -> Tensor:
            return super().video_units(features)[:, :1]

    class Pairs:
        scores_pairs = True

    with pytest.raises(LaffError, match="given has one space"):
        spaces.overlap(subject(One()), 1, 2)
    with pytest.raises(LaffError, match="given scores each pair"):
        spaces.overlap(subject(Pairs()), 1, 2)


def test_the_table() -> None:
    shown = spaces.table(np.array([[1, 0.25], [0.25, 1]]))
    assert shown == [["space", "1", "2"], ["1", "1.000", "0.250"], ["2", "0.250", "1.000"]]
