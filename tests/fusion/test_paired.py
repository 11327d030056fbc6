"""Similarity of the paired model, and how it speaks when video, text and encoders don't fit."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn

from fusion.concat import Concat
from fusion.features import Feature, Tokens
from fusion.laff import LAFF
from fusion.paired import Paired, unit
from fusion.spaces import Spaces

SIZE = {"heads": 4, "width": 8}
VIDEO = {"x3d": torch.randn(5, 6, generator=torch.Generator().manual_seed(0))}
TEXT = {"w2v": torch.randn(5, 3, generator=torch.Generator().manual_seed(1))}


@pytest.mark.parametrize("block", [LAFF, Concat])
def test_one_dot_product_is_the_mean_of_the_cosines(block: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = Paired(block(dims={"x3d": 6}, **SIZE), block(dims={"w2v": 3}, **SIZE)).eval()
    video, text = model.embed_video(VIDEO), model.embed_text(TEXT)
    assert video.shape == (5, 32)
    torch.testing.assert_close(video.norm(dim=1), torch.ones(5))
    fused_video, fused_text = model.video(VIDEO)[0], model.text(TEXT)[0]
    wanted = nn.functional.cosine_similarity(fused_text[:, None], fused_video[None], dim=-1)  # [captions, videos, H]
    torch.testing.assert_close(model.cosines(VIDEO, TEXT), wanted.permute(2, 0, 1))
    torch.testing.assert_close(text @ video.T, wanted.mean(dim=-1))


def test_zero_stays_zero() -> None:
    assert torch.equal(unit(torch.zeros(2, 3)), torch.zeros(2, 3))


def test_blocks_of_different_shape() -> None:
    model = Paired(LAFF(dims={"x3d": 6}, heads=2, width=8), LAFF(dims={"w2v": 3}, heads=4, width=8))
    with pytest.raises(ValueError, match=r"\[2, 8\] and the text block \[4, 8\]"):
        model.cosines(VIDEO, TEXT)


def test_tokens_and_encoders_must_meet() -> None:
    tokens = Tokens(torch.tensor([0, 1]), torch.tensor([0, 1, 2]), 2)
    block = LAFF(dims={"w2v": 3}, **SIZE)
    with pytest.raises(ValueError, match="'w2v' holds tokens"):
        Paired(block, block).embed_text({"w2v": tokens})
    with pytest.raises(ValueError, match="'w2v' has an encoder in the model and should be given as tokens"):
        Paired(block, block, {"w2v": nn.Identity()}).embed_text(TEXT)


class Odd(nn.Module):
    """A block that gives what it is told to, for whatever features."""

    def __init__(self, *given: Any) -> None:
        super().__init__()
        self.given = given

    def forward(self, features: Mapping[str, Feature]) -> Any:
        return self.given[0] if len(self.given) == 1 else self.given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            (torch.zeros(5, 2, 8), None),
            "Odd of the text side gave fused [5, 2, 8]; it should be [5, 4, W] (rows, heads, width), or [5, 1, W] "
            "where it has one space",
        ),
        ((torch.zeros(5, 8), None), "gave fused [5, 8]; it should be [5, 4, W]"),
        ((torch.zeros(4, 4, 8), None), "gave fused [4, 4, 8]; it should be [5, 4, W]"),
        ((torch.zeros(5, 4, 8),), "gave [5, 4, 8]; it should be (fused, weights of the features or None)"),
        (([], None), "gave tuple; it should be (fused, weights"),
        (
            (torch.zeros(5, 4, 8), torch.zeros(5, 3)),
            "gave weights [5, 3] beside fused [5, 4, 8]; they should be [5, 4, K] (rows, heads, features), or None",
        ),
    ],
)
def test_a_block_that_gives_another_shape(given: tuple[Any, ...], message: str) -> None:
    """[B, K, W] in place of [B, H, W] would train without a word."""
    model = Paired(LAFF(dims={"x3d": 6}, **SIZE), Odd(*given), heads=SIZE["heads"])
    with pytest.raises(ValueError, match=re.escape(message)):
        model.check(VIDEO, TEXT)


@pytest.mark.parametrize("block", [LAFF, Concat])
def test_a_look_at_shapes_changes_nothing(block: type[nn.Module]) -> None:
    model = Paired(block(dims={"x3d": 6}, **SIZE), block(dims={"w2v": 3}, **SIZE), heads=SIZE["heads"]).train()
    before, random = {name: value.clone() for name, value in model.state_dict().items()}, torch.get_rng_state()
    model.check(VIDEO, TEXT)
    assert model.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_model_whose_vectors_have_no_spaces() -> None:
    class Flat(Spaces):
        def video_units(self, features: Mapping[str, Feature]) -> torch.Tensor:
            return torch.ones(5, 7)

    with pytest.raises(ValueError, match=r"video_units of Flat gave \[5, 7\] for 5 rows; it should be \[5, S, W\]"):
        Flat().check(VIDEO, TEXT)
