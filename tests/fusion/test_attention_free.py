"""Attention-free fusion: a learned sum, by numpy; nothing in it depends on the video."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from fusion.attention_free import AttentionFree
from fusion.losses import make
from fusion.paired import Paired

HEADS, WIDTH = 2, 3
VIDEO, TEXT = {"x3d": 5, "tf": 4}, {"w2v": 6, "bow": 2, "bert": 3}
ONE = torch.tensor(1.0)


def test_forward_and_loss(
    moved: Callable, given: Callable[..., dict[str, Tensor]], length_one: Callable, loss_by_hand: Callable
) -> None:
    model = Paired(*(AttentionFree(dims=dims, heads=HEADS, width=WIDTH, dropout=0.0) for dims in (VIDEO, TEXT)))
    values = moved(model)

    def side(prefix: str, features: dict[str, Tensor]) -> np.ndarray:
        heads = []
        for head in range(HEADS):
            columns = slice(head * WIDTH, (head + 1) * WIDTH)
            total = np.full((4, WIDTH), values[f"{prefix}.bias"][head])
            for name, x in features.items():
                weight, bias = values[f"{prefix}.enter.{name}.weight"], values[f"{prefix}.enter.{name}.bias"]
                total += values[f"{prefix}.weight.{name}"][head] * np.tanh(
                    x.numpy() @ weight[:, columns] + bias[columns]
                )
            heads.append(length_one(total))
        return np.stack(heads)

    video, text = given(VIDEO), given(TEXT, seed=2)
    wanted = side("text", text) @ side("video", video).transpose(0, 2, 1)
    cosines = model.cosines(video, text)
    np.testing.assert_allclose(cosines.detach().numpy(), wanted, atol=1e-10)
    assert loss_by_hand(wanted) > 0.1
    assert make("triplet")(cosines, ONE, None).item() == pytest.approx(loss_by_hand(wanted), abs=1e-10)


def test_it_starts_as_a_linear_layer_over_the_features() -> None:
    names = {f"f{number}": 1 for number in range(4)}
    start = torch.stack([*AttentionFree(dims=names, heads=500, width=1).weight.values()]).detach()
    assert 0.49 < float(start.abs().max()) <= 0.5  # 1 / sqrt(K)
    assert float(start.mean()) == pytest.approx(0, abs=0.03)
