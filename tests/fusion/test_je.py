"""JE against its equations in numpy: a space for each video feature, and the shares of their scores."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from fusion.je import JE
from fusion.losses import make

VIDEO, TEXT, WIDTH = {"x3d": 5, "clip-ft": 3, "tf": 4}, {"w2v": 4, "bow": 6}, 7
ONE = torch.tensor(1.0)


@pytest.mark.parametrize(
    ("params", "shares"),
    [({}, [1 / 3, 1 / 3, 1 / 3]), ({"lead": "clip-ft", "share": 0.8}, [0.1, 0.8, 0.1])],
    ids=["uniform", "lead"],
)
def test_forward_and_loss(
    params: dict,
    shares: list[float],
    moved: Callable,
    given: Callable[..., dict[str, Tensor]],
    length_one: Callable,
    loss_by_hand: Callable,
) -> None:
    """The shares are of the score alone: the loss is the plain sum over spaces."""
    model = JE(video_dims=VIDEO, text_dims=TEXT, width=WIDTH, dropout=0.0, **params)
    values = moved(model)
    video, text = given(VIDEO), given(TEXT, seed=2)
    whole = np.concatenate([feature.numpy() for feature in text.values()], axis=1)
    spaces = []
    for number, (name, feature) in enumerate(video.items()):
        columns = slice(number * WIDTH, (number + 1) * WIDTH)
        weight = np.concatenate([values[f"text.weight.{one}"][:, columns] for one in text])
        texts = length_one(np.tanh(whole @ weight + values["text.bias"][columns]))
        videos = length_one(np.tanh(feature.numpy() @ values[f"video.{name}.weight"] + values[f"video.{name}.bias"]))
        spaces.append(texts @ videos.T)
    wanted = np.stack(spaces)
    cosines = model.cosines(video, text)
    np.testing.assert_allclose(cosines.detach().numpy(), wanted, atol=1e-10)
    assert loss_by_hand(wanted) > 0.1
    assert make("triplet")(cosines, ONE, None).item() == pytest.approx(loss_by_hand(wanted), abs=1e-10)
    score = model.embed_text(text) @ model.embed_video(video).T
    np.testing.assert_allclose(score.detach().numpy(), np.tensordot(shares, wanted, 1), atol=1e-10)


def test_a_lead_alone_has_the_whole_score() -> None:
    assert JE(video_dims={"clip-ft": 3}, text_dims=TEXT, width=WIDTH, lead="clip-ft", share=0.8).shares is None
    assert JE(video_dims=VIDEO, text_dims=TEXT, width=WIDTH, lead="tf", share=1.0).shares == (0, 0, 1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"lead": "clip", "share": 0.8}, "lead is 'clip', which is no video feature .* one of x3d, clip-ft, tf"),
        ({"lead": "tf"}, r"share of lead 'tf' is 0\.0; it should be above 0 and at most 1"),
        ({"lead": "tf", "share": 1.5}, r"share of lead 'tf' is 1\.5"),
        ({"share": 0.8}, r"share is 0\.8, but lead names no feature"),
    ],
)
def test_mistakes_are_named(params: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        JE(video_dims=VIDEO, text_dims=TEXT, **params)
