"""Cost: the poster's two figures, and counted FLOPs against products written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from extractors.gru import GruEncoder
from fusion.concat import Concat
from fusion.cost import (
    POSTER_DIM,
    POSTER_TOKENS,
    POSTER_WIDTH,
    Cost,
    Products,
    flops,
    laff_flops,
    mhsa_flops,
    parameters,
)
from fusion.features import Sparse, Tokens
from fusion.laff import LAFF
from fusion.paired import Paired

VIDEO = {"clip": 6, "x3d": 10, "tf": 4}
TEXT = {"clip": 6, "bow": 50}
HEADS, WIDTH = 2, 8


def rows(count: int = 1) -> tuple[dict[str, Tensor], dict[str, Tensor | Sparse]]:
    """Features of `count` videos, and of captions whose bow has 3 entries each."""
    video = {name: torch.rand(count, dim) for name, dim in VIDEO.items()}
    bow = Sparse(torch.arange(3 * count) % 50, torch.arange(count + 1) * 3, torch.ones(3 * count), 50)
    return video, {"clip": torch.rand(count, 6), "bow": bow}


def paired(block: type[nn.Module]) -> Paired:
    both = {"heads": HEADS, "width": WIDTH, "raw": ("clip",)}
    return Paired(block(dims=VIDEO, **both), block(dims=TEXT, **both))


def test_the_posters_figures() -> None:
    assert (POSTER_DIM, POSTER_WIDTH, POSTER_TOKENS) == (6 * 2048 + 512 + 768, 1024, 8)
    laff = laff_flops(POSTER_DIM, POSTER_WIDTH, POSTER_TOKENS)
    mhsa = mhsa_flops(POSTER_DIM, POSTER_WIDTH, POSTER_TOKENS)
    assert laff == 27_803_648
    assert mhsa == 94_896_128
    assert (f"{laff / 1e6:.2f}", f"{mhsa / 1e6:.2f}") == ("27.80", "94.90")


def test_laff() -> None:
    """A map for each feature but the raw one; a score and a share of the sum for each feature and head."""
    wide = HEADS * WIDTH
    video = 2 * ((10 + 4) * wide + 3 * wide + 3 * wide)
    text = 2 * (3 * wide + 2 * wide + 2 * wide)  # bow: three entries, a row of the map each
    assert flops(paired(LAFF), *rows()) == Cost(video, text, 2 * wide)


def test_concat() -> None:
    wide = HEADS * WIDTH
    assert flops(paired(Concat), *rows()) == Cost(2 * 20 * wide, 2 * (6 + 3) * wide, 2 * wide)
    assert parameters(paired(Concat)) == (20 + 1) * wide + (56 + 1) * wide


def test_the_mean_of_several_rows() -> None:
    video, text = rows(4)
    text["bow"] = Sparse(torch.arange(10), torch.tensor([0, 1, 2, 4, 10]), torch.ones(10), 50)  # 2.5 entries a caption
    one, four = flops(paired(Concat), *rows()), flops(paired(Concat), video, text)
    assert four.video == one.video
    assert four.text == 2 * 6 * 16 + 2 * 2.5 * 16


@pytest.mark.parametrize("both_ways", [False, True])
def test_a_sentence_encoder_costs_what_its_words_cost(both_ways: bool) -> None:
    """Each word: three gates, each a product with the word vector and with the state, once for each direction. (A word
    that comes again in a batch has the first of these once.)"""
    encoder = GruEncoder(20, 5, hidden=12, bidirectional=both_ways)
    model = Paired(
        Concat(dims={"x": 3}, heads=1, width=7), Concat(dims={"gru": 12}, heads=1, width=7), {"gru": encoder}
    )
    tokens = Tokens(torch.tensor([1, 4, 5, 6, 2, 3, 7]), torch.tensor([0, 5, 7]), 20)  # 5 and 2 words
    hidden = 6 if both_ways else 12
    a_word = (2 if both_ways else 1) * 2 * 3 * hidden * (5 + hidden)
    counted = flops(model, {"x": torch.rand(1, 3)}, {"gru": tokens})
    assert counted.text == a_word * 3.5 + 2 * 12 * 7


class Attention(nn.Module):
    """Features to one width, multi-head self-attention over them, their mean: a block as MHSA is."""

    def __init__(self, dims: dict[str, int], width: int) -> None:
        super().__init__()
        self.enter = nn.ModuleDict({name: nn.Linear(dim, width) for name, dim in dims.items()})
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)

    def forward(self, features: dict[str, Tensor]) -> tuple[Tensor, None]:
        stacked = torch.stack([layer(features[name]) for name, layer in self.enter.items()], dim=1)
        mixed, _ = self.attention(stacked, stacked, stacked, need_weights=False)
        return mixed.mean(dim=1, keepdim=True), None


@pytest.mark.parametrize("training", [False, True])
def test_multi_head_attention(training: bool) -> None:
    """Poster's formula, and the two products of [K, K] that it leaves out; whichever mode the model is in."""
    dims, width = {"a": 9, "b": 5, "c": 7}, 16
    model = Paired(Attention(dims, width), Attention({"t": 3}, width)).train(training)
    video, text = {name: torch.rand(1, dim) for name, dim in dims.items()}, {"t": torch.rand(1, 3)}
    counted = flops(model, video, text)
    assert counted.video == mhsa_flops(21, width, 3) + 2 * (2 * 3 * 3 * width)
    assert counted.text == mhsa_flops(3, width, 1) + 2 * 2 * width
    assert model.training == training
    assert torch.backends.mha.get_fastpath_enabled()


def test_products_beside_matrices() -> None:
    with torch.no_grad(), Products() as products:
        torch.ones(3, 4) @ torch.ones(4)
        torch.ones(5) @ torch.ones(5)
        torch.addmv(torch.ones(3), torch.ones(3, 4), torch.ones(4))
        torch.einsum("bk,ck->bc", torch.ones(2, 7), torch.ones(3, 7))
    assert products.flops == 2 * 12 + 2 * 5 + 2 * 12 + 2 * 42


def test_recurrent_layers_cost_their_gates() -> None:
    steps, batch, width, hidden = 3, 2, 5, 4
    for layer, gates in ((nn.LSTM(width, hidden), 4), (nn.GRU(width, hidden), 3)):
        with torch.no_grad(), Products() as products:
            layer(torch.ones(steps, batch, width))
        assert products.flops == 2 * steps * batch * gates * hidden * (width + hidden)


def test_element_wise_products_count_when_they_are_summed() -> None:
    a, b = torch.ones(3, 4), torch.ones(4)
    with torch.no_grad(), Products() as products:
        scaled = a * b
        (a * 2.0).sum()
        a.sum(dim=1)
    assert products.flops == 0
    with torch.no_grad(), Products() as products:
        (a * b).sum(dim=1)
        (a * b).flatten().mean()
        scaled.add(1)
    assert products.flops == 2 * 12 + 2 * 12


class Pairwise(nn.Module):
    """A model that looks at each caption and video together."""

    scores_pairs = True

    def scores(self, video: dict[str, Tensor], text: dict[str, Tensor]) -> Tensor:
        return text["t"] @ video["v"].T


def test_a_model_that_scores_pairs() -> None:
    counted = flops(Pairwise(), {"v": torch.rand(2, 8)}, {"t": torch.rand(3, 8)})
    assert counted == Cost(0, 0, 2 * 8)
