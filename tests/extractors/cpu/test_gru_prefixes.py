"""The GRU without gradients: shared beginnings change nothing but the number of steps."""

import pytest
import torch
from torch import Tensor, nn

import extractors.cpu.gru_prefixes
from extractors.cpu import gru_prefixes
from extractors.cpu.gru_steps import Weights
from extractors.gru import GruEncoder

# Captions that begin alike, one that is the beginning of another, two that are equal, and those of one word.
CAPTIONS = [[1, 4, 5, 2], [1, 4, 5, 6, 2], [1, 4], [7], [1, 3, 5, 2], [1, 4, 5, 2], [1], [0, 0, 0, 0, 0, 0]]
NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def random_gru() -> tuple[Tensor, nn.GRU, Weights]:
    torch.manual_seed(0)
    gru = nn.GRU(3, 6).double()
    return torch.randn(8, 3, dtype=torch.float64), gru, Weights(*(getattr(gru, name) for name in NAMES))


@pytest.mark.parametrize("at_once", [512, 3, 1])
@pytest.mark.parametrize("backwards", [False, True])
@torch.no_grad()
def test_equals_nn_gru_over_each_caption(backwards: bool, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractors.cpu.gru_prefixes, "AT_ONCE", at_once)
    vectors, gru, weights = random_gru()
    ids = torch.tensor([word for caption in CAPTIONS for word in caption])
    starts = torch.tensor([0, *(len(caption) for caption in CAPTIONS)]).cumsum(0)
    means = gru_prefixes.mean_states(ids, starts, vectors, weights, backwards)
    for row, caption in zip(means, CAPTIONS, strict=True):
        words = torch.tensor(caption[::-1] if backwards else caption)
        torch.testing.assert_close(row, gru(vectors[words])[0].mean(dim=0), rtol=1e-12, atol=1e-14)
    assert torch.equal(means[0], means[5])


@torch.no_grad()
def test_a_beginning_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four captions of three words, which all begin with 1 and go on with 4 or 3: 1, 2 and 3 different states."""
    vectors, _, weights = random_gru()
    seen = []
    lerp = torch.lerp

    def spy(new: Tensor, old: Tensor, update: Tensor) -> Tensor:
        seen.append(len(new))
        return lerp(new, old, update)

    monkeypatch.setattr(torch, "lerp", spy)
    ids, starts = torch.tensor([1, 4, 5, 1, 4, 6, 1, 3, 5, 1, 4, 5]), torch.tensor([0, 3, 6, 9, 12])
    gru_prefixes.mean_states(ids, starts, vectors, weights)
    assert seen == [1, 2, 3]


@pytest.mark.parametrize("bidirectional", [False, True])
@torch.no_grad()
def test_the_switch_takes_nn_gru(bidirectional: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = GruEncoder(8, 3, 6, bidirectional)
    ids = torch.tensor([word for caption in CAPTIONS for word in caption])
    starts = torch.tensor([0, *(len(caption) for caption in CAPTIONS)]).cumsum(0)
    fast = encoder(ids, starts)
    monkeypatch.setenv("LAFF_PLAIN", "1")
    monkeypatch.delattr(gru_prefixes, "mean_states")
    torch.testing.assert_close(encoder(ids, starts), fast, rtol=1e-5, atol=1e-6)
