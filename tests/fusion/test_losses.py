"""Losses against sums written out in plain Python."""

import math

import pytest
import torch

from fusion.losses import LOSSES, dual_softmax, infonce, make, triplet

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


def test_all_violations_by_hand() -> None:
    """Caption 0: 0.2 + 0.8 - 0.9 and 0.2 + 0.0 - 0.9 -> 0.1, 0. Caption 1: 0.6 and 0.3. Caption 2: both below 0.

    By videos: 0.2 + 0.5 - 0.9 and 0.2 - 0.3 - 0.9 -> 0, 0. Video 1: 0.9 and 0.4. Video 2: both below 0.
    """
    cosines = torch.tensor([[0.9, 0.8, 0.0], [0.5, 0.1, 0.2], [-0.3, 0.3, 0.9]])
    assert make("triplet-sum")(cosines, ONE, None).item() == pytest.approx(1.0)
    assert make("triplet-sum-caption")(cosines, ONE, None).item() == pytest.approx(1.3)
    assert make("triplet-sum-both")(cosines, ONE, None).item() == pytest.approx(2.3)
    assert make("triplet-mean")(cosines, ONE, None).item() == pytest.approx(1.0 / 6)
    assert make("triplet-mean-caption")(cosines, ONE, None).item() == pytest.approx(1.3 / 6)
    assert make("triplet-mean-both")(cosines, ONE, None).item() == pytest.approx(2.3 / 12)
    two = torch.stack([cosines, cosines])
    assert make("triplet-mean")(two, ONE * 7, None).item() == pytest.approx(2.0 / 6)  # spaces add up, no scale


def test_the_gradient_of_all_violations_goes_to_every_violating_video() -> None:
    cosines = torch.tensor([[0.9, 0.8, 0.75], [0.5, 0.1, 0.2], [-0.3, 0.3, 0.9]], requires_grad=True)
    make("triplet-sum")(cosines, ONE, None).backward()
    assert cosines.grad is not None
    assert cosines.grad.tolist() == [[-2, 1, 1], [1, -2, 1], [0, 0, 0]]
    cosines.grad = None
    make("triplet-mean")(cosines, ONE, None).backward()
    torch.testing.assert_close(cosines.grad, torch.tensor([[-2.0, 1, 1], [1, -2, 1], [0, 0, 0]]) / 6)


def test_a_batch_of_one_video_has_no_negatives_under_the_mask() -> None:
    for name in ("triplet-sum-both", "triplet-mean-both"):
        assert make(name, mask=True)(torch.rand(2, 2), ONE, torch.tensor([4, 4])).item() == 0


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


COSINES = [  # two spaces, four captions, four videos
    [[0.9, 0.8, 0.3, 0.1], [0.5, 0.1, 0.2, 0.6], [-0.3, 0.3, 0.4, 0.35], [0.2, 0.7, 0.6, 0.5]],
    [[0.2, 0.1, -0.4, 0.3], [0.3, 0.7, 0.1, 0.2], [0.6, 0.2, 0.5, 0.1], [-0.1, 0.4, 0.3, 0.2]],
]
VIDEOS = [7, 3, 7, 5]  # captions 0 and 2 are of one video
SCALE = 6.0


def negatives(i: int, mask: bool) -> list[int]:
    """The other places of the batch that place i is told from."""
    return [j for j in range(4) if j != i and not (mask and VIDEOS[j] == VIDEOS[i])]


def turned(space: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*space, strict=True)]


def hinge(space: list[list[float]], mask: bool) -> float:
    """Rows against their hardest column."""
    return sum(max(0.0, *(0.2 + space[i][j] - space[i][i] for j in negatives(i, mask))) for i in range(4))


def violations(space: list[list[float]], mask: bool) -> list[float]:
    """The hinge of every row against every negative column."""
    return [max(0.0, 0.2 + space[i][j] - space[i][i]) for i in range(4) for j in negatives(i, mask)]


def entropy(logits: list[list[float]], mask: bool) -> float:
    """Mean over the rows of -log softmax at the diagonal."""
    each = []
    for i in range(4):
        parts = [math.exp(logits[i][j]) for j in [i, *negatives(i, mask)]]
        each.append(-math.log(parts[0] / sum(parts)))
    return sum(each) / 4


def dual(space: list[list[float]], mask: bool) -> float:
    """Rows choose columns; each logit times 4 times the column's share of it among all rows."""
    logits = [[0.0] * 4 for _ in range(4)]
    for j in range(4):
        captions = [j, *negatives(j, mask)]
        total = sum(math.exp(0.1 * space[i][j]) for i in captions)
        for i in captions:
            logits[i][j] = SCALE * space[i][j] * 4 * math.exp(0.1 * space[i][j]) / total
    return entropy(logits, mask)


def wanted(name: str, mask: bool) -> float:
    total = 0.0
    for space in COSINES:
        both = [space, turned(space)]
        if name.startswith("triplet"):
            _, kind, *way = (*name.split("-"), "", "")
            if name in ("triplet-caption", "triplet-both"):
                kind, way = "", [kind]
            costs = [violations(one, mask) for one in both]
            if way[0] == "both" and kind == "mean":
                total += sum(costs[0] + costs[1]) / len(costs[0] + costs[1])  # one mean over all negatives
                continue
            each = {
                "": [hinge(one, mask) for one in both],
                "sum": [sum(one) for one in costs],
                "mean": [sum(one) / len(one) for one in costs],
            }[kind]
            total += {"": each[0], "caption": each[1], "both": sum(each)}[way[0]]
        elif name == "infonce":
            total += sum(entropy([[SCALE * x for x in row] for row in one], mask) for one in both) / 2
        else:
            total += sum(dual(one, mask) for one in both) / 2
    return total


@pytest.mark.parametrize("mask", [False, True], ids=["all", "masked"])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_in_plain_python(name: str, mask: bool) -> None:
    cosines = torch.tensor(COSINES, dtype=torch.float64)
    videos = torch.tensor(VIDEOS)
    value = make(name, mask)(cosines, torch.tensor(SCALE), videos)
    assert value.item() == pytest.approx(wanted(name, mask), rel=1e-12)
    taken = wanted(name, False) - wanted(name, True)  # by the mask; a mean over fewer may also rise
    assert abs(taken) > 1e-4 if "mean" in name else taken > 0.01
    without = make(name, True)(cosines, torch.tensor(SCALE), None)  # nothing is known of the videos
    assert without.item() == pytest.approx(wanted(name, False), rel=1e-12)


def test_triplet_masked_by_hand() -> None:
    """Captions 0 and 1 are of one video. Caption 0: right 0.9, of 0.8 and 0.75 only 0.75 counts, 0.2 + 0.75 - 0.9.

    Caption 1: right 0.1, of 0.5 and 0.2 only 0.2 counts: 0.3. Caption 2: 0.9 against 0.3: 0. Unmasked it is 0.1 + 0.6.
    """
    cosines = torch.tensor([[0.9, 0.8, 0.75], [0.5, 0.1, 0.2], [-0.3, 0.3, 0.9]])
    videos = torch.tensor([4, 4, 2])
    assert make("triplet", mask=True)(cosines, ONE, videos).item() == pytest.approx(0.35)
    assert make("triplet")(cosines, ONE, videos).item() == pytest.approx(0.7)


@pytest.mark.parametrize("name", LOSSES)
def test_a_masked_pair_has_no_gradient(name: str) -> None:
    cosines = torch.tensor(COSINES, dtype=torch.float64, requires_grad=True)
    make(name, True)(cosines, torch.tensor(SCALE), torch.tensor(VIDEOS)).backward()
    assert cosines.grad is not None
    assert not cosines.grad[:, [0, 2], [2, 0]].any()
    assert cosines.grad.any()
    alone = torch.tensor(COSINES, dtype=torch.float64, requires_grad=True)
    value = make(name, True)(alone, torch.tensor(SCALE), torch.tensor([1, 1, 1, 1]))  # one video's captions only
    value.backward()
    assert alone.grad is not None
    assert value.item() == 0
    assert not alone.grad.any()


@pytest.mark.parametrize("name", LOSSES)
def test_a_right_pair_that_comes_closer_is_never_worse(name: str) -> None:
    """Also where all cosines are negative."""
    others = torch.full((4, 4), -0.3, dtype=torch.float64)
    values = [
        make(name)(others.clone().fill_diagonal_(right), torch.tensor(20.0), None).item()
        for right in (-0.9, -0.6, -0.3, 0.0, 0.3)
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]


def test_an_unknown_loss_is_named() -> None:
    with pytest.raises(ValueError, match="there is no loss 'hinge'; take one of triplet, triplet-caption"):
        make("hinge")


@pytest.mark.parametrize("mask", [False, True], ids=["all", "masked"])
def test_a_mild_prior_of_dual_softmax_is_infonce(mask: bool) -> None:
    """All choices are the same then, so every weight is one; unmasked, where the softmaxes are over all."""
    cosines, videos = torch.tensor(COSINES, dtype=torch.float64), torch.tensor([7, 3, 1, 5] if mask else VIDEOS)
    mild = make("dual-softmax", mask, prior=1e-9)(cosines, torch.tensor(SCALE), videos)
    assert mild.item() == pytest.approx(make("infonce", mask)(cosines, torch.tensor(SCALE), videos).item(), rel=1e-7)
    usual = make("dual-softmax", mask)(cosines, torch.tensor(SCALE), videos)
    assert abs(usual.item() - mild.item()) > 1e-3


def test_a_sharp_prior_of_dual_softmax_by_hand() -> None:
    """The other side chooses one and no other: its logit counts twice, the other's is 0.

    Towards videos: column 0 takes caption 0 (.9), column 1 caption 0 (.2), so row 0 is [1.8, .4] and row 1 [0, 0].
    Towards captions: row 0 takes video 0, row 1 video 1 (.1), so column 0 is [1.8, 0] and column 1 [0, .2].
    """
    cosines = torch.tensor([[0.9, 0.2], [-0.4, 0.1]], dtype=torch.float64)
    towards_videos = [math.log(1 + math.exp(0.4 - 1.8)), math.log(2)]
    columns = [math.log(1 + math.exp(-1.8)), math.log(1 + math.exp(-0.2))]
    assert dual_softmax(cosines, ONE, prior=1e4).item() == pytest.approx((sum(towards_videos) + sum(columns)) / 4)


@pytest.mark.parametrize("prior", [0.0, -1.0, math.inf, math.nan])
def test_a_prior_that_is_none_is_refused(prior: float) -> None:
    with pytest.raises(ValueError, match="it should be above 0"):
        make("dual-softmax", prior=prior)
