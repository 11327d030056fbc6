"""SEA against its equations in numpy: a space for each text feature, all video features in each of them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from fusion.losses import make
from fusion.sea import SEA

VIDEO, TEXT, WIDTH = {"x3d": 5, "clip-ft": 3}, {"w2v": 4, "bow": 6, "bert": 2}, 7
ONE = torch.tensor(1.0)


def test_forward_and_loss(
    moved: Callable, given: Callable[..., dict[str, Tensor]], length_one: Callable, loss_by_hand: Callable
) -> None:
    model = SEA(video_dims=VIDEO, text_dims=TEXT, width=WIDTH, dropout=0.0)
    values = moved(model)
    video, text = given(VIDEO), given(TEXT, seed=2)
    whole = np.concatenate([feature.numpy() for feature in video.values()], axis=1)
    spaces = []
    for number, (name, feature) in enumerate(text.items()):
        columns = slice(number * WIDTH, (number + 1) * WIDTH)
        weight = np.concatenate([values[f"video.weight.{one}"][:, columns] for one in video])
        videos = length_one(np.tanh(whole @ weight + values["video.bias"][columns]))
        texts = length_one(np.tanh(feature.numpy() @ values[f"text.{name}.weight"] + values[f"text.{name}.bias"]))
        spaces.append(texts @ videos.T)
    wanted = np.stack(spaces)
    cosines = model.cosines(video, text)
    np.testing.assert_allclose(cosines.detach().numpy(), wanted, atol=1e-10)
    assert loss_by_hand(wanted) > 0.1
    assert make("triplet")(cosines, ONE, None).item() == pytest.approx(loss_by_hand(wanted), abs=1e-10)
    score = model.embed_text(text) @ model.embed_video(video).T
    np.testing.assert_allclose(score.detach().numpy(), wanted.sum(axis=0) / 3, atol=1e-10)


def test_size_and_start() -> None:
    """Each of the S text features has its own map of all video features; all start Xavier-uniform by themselves."""
    model = SEA(video_dims={"x3d": 300, "tf": 100}, text_dims={"w2v": 40, "bow": 70}, width=100)
    assert sum(p.numel() for p in model.parameters()) == 2 * (400 + 1) * 100 + (40 + 1) * 100 + (70 + 1) * 100
    for part in model.video.weight.values():
        assert 0.99 * (6 / 500) ** 0.5 < float(part.detach().abs().max()) <= (6 / 500) ** 0.5
