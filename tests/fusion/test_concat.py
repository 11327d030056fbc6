"""Concatenation against one matrix product over the features side by side; and W2VV++, which it is with one head."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from fusion.concat import Concat
from fusion.losses import make
from fusion.paired import Paired

VIDEO, TEXT = {"x3d": 5, "clip-ft": 3}, {"w2v": 4, "bow": 6}  # not in the order of the alphabet
ONE = torch.tensor(1.0)


def test_w2vvpp_forward_and_loss(
    moved: Callable, given: Callable[..., dict[str, Tensor]], length_one: Callable, loss_by_hand: Callable
) -> None:
    """One map of everything to one space, tanh, cosine, hardest video of each caption."""
    model = Paired(*(Concat(dims=dims, heads=1, width=7, dropout=0.0) for dims in (VIDEO, TEXT)))
    values = moved(model)
    video, text = given(VIDEO), given(TEXT, seed=2)

    def side(name: str, features: dict[str, Tensor]) -> np.ndarray:
        whole = np.concatenate([feature.numpy() for feature in features.values()], axis=1)
        weight = np.concatenate([values[f"{name}.affine.weight.{feature}"] for feature in features])
        return length_one(np.tanh(whole @ weight + values[f"{name}.affine.bias"]))

    wanted = (side("text", text) @ side("video", video).T)[None]
    cosines = model.cosines(video, text)
    np.testing.assert_allclose(cosines.detach().numpy(), wanted, atol=1e-10)
    assert loss_by_hand(wanted) > 0.1
    assert make("triplet")(cosines, ONE, None).item() == pytest.approx(loss_by_hand(wanted), abs=1e-10)


def test_the_size_of_w2vvpp() -> None:
    """One space of 2,048, whatever LAFF has: 2,048 columns for each of the features' numbers, and a bias."""
    with torch.device("meta"):
        block = Concat(dims={"x3d": 2048, "bow": 7650}, heads=1, width=2048)
    assert sum(p.numel() for p in block.parameters()) == (2048 + 7650 + 1) * 2048


def test_it_starts_xavier_uniform_over_all_features_together() -> None:
    block = Concat(dims={"x3d": 300, "w2v": 100}, heads=2, width=50)
    bound = (6 / (400 + 100)) ** 0.5
    for part in block.affine.weight.values():
        assert 0.99 * bound < float(part.detach().abs().max()) <= bound
        assert float(part.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.02)
    assert not block.affine.bias.any()


def test_dropout_acts_while_training() -> None:
    block = Concat(dims={"x3d": 50}, heads=2, width=500, dropout=0.3)
    torch.manual_seed(0)
    features = {"x3d": torch.randn(20, 50)}
    assert float((block(features)[0] == 0).double().mean()) == pytest.approx(0.3, abs=0.02)
    assert (block.eval()(features)[0] != 0).all()
