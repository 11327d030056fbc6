"""Similarity of the paired model, and how it speaks when video, text and encoders don't fit."""

import pytest
import torch
from torch import nn

from fusion.concat import Concat
from fusion.features import Tokens
from fusion.laff import LAFF
from fusion.paired import Paired, unit

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
