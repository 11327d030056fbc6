"""Losses against sums written out in plain Python."""

import math

import pytest
import torch

from fusion.losses import LOSSES, infonce, triplet

ONE = torch.tensor(1.0)


def test_triplet_by_hand() -> None:
    """Caption 0: right 0.9, hardest other 0.8 -> 0.1. Caption 1: right 0.1, other 0.5 -> 0.6. Caption 2: 0.9, 0.3 -> 0.

    Taking the hardest caption of each video instead would give 0.2 + 0.2 - 0.9 < 0, 0.2 + 0.8 - 0.1 = 0.9 and 0.1: 1.0.
    """
    cosines = torch.tensor([[0.9, 0.8, 0.0], [0.5, 0.1, 0.2], [-0.3, 0.3, 0.9]])
    assert triplet(cosines, ONE).item() == pytest.approx(0.7)
    assert triplet(cosines.T, ONE).item() == pytest.approx(0.9)
    assert triplet(torch.stack([cosines, cosines]), ONE * 7).item() == pytest.approx(1.4)  # spaces add up, no scale


def test_triplet_gradient_goes_to_the_right_and_the_hardest_video_only() -> None:
    cosines = torch.tensor([[0.9, 0.8, 0.75], [0.5, 0.1, 0.2], [-0.3, 0.3, 0.9]], requires_grad=True)
    triplet(cosines, ONE).backward()
    assert cosines.grad is not None
    assert cosines.grad.tolist() == [[-1, 1, 0], [1, -1, 0], [0, 0, 0]]


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_batch_of_one_gives_nothing(loss: object) -> None:
    cosines = torch.tensor([[[0.3]]], requires_grad=True)
    value = loss(cosines, ONE)  # type: ignore[operator]
    value.backward()
    assert value.item() == 0
    assert cosines.grad is not None
    assert cosines.grad.item() == 0


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_nan_is_not_hidden(loss: object) -> None:
    assert loss(torch.full((2, 3, 3), torch.nan), ONE).isnan()  # type: ignore[operator]


def test_infonce_by_hand() -> None:
    cosines = [[0.9, -0.2], [0.4, 0.3]]
    scale = 5.0
    total = 0.0
    for i in range(2):
        right = math.exp(scale * cosines[i][i])
        total -= math.log(right / sum(math.exp(scale * cosines[i][j]) for j in range(2)))
        total -= math.log(right / sum(math.exp(scale * cosines[j][i]) for j in range(2)))
    value = infonce(torch.tensor([cosines, cosines], dtype=torch.float64), torch.tensor(scale))
    assert value.item() == pytest.approx(2 * total / 4, rel=1e-12)  # two spaces; mean of two directions and two pairs
