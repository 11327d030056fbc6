"""Embedding and ranking in blocks: how large they are, and which features come whole."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fusion.features import Split, Tokens
from pipeline.ranking import embed


@pytest.mark.parametrize(
    ("rows", "items", "sizes"),
    [
        (1030, 3_000, [512, 512, 6]),
        (150, 1_000_000, [67, 67, 16]),  # 2^26 / 10^6 = 67.1
        (2, 1 << 27, [1, 1]),
        (3, 0, [3]),
        (0, 5, []),
    ],
)
def test_a_block_has_as_many_queries_as_memory_takes(rows: int, items: int, sizes: list[int]) -> None:
    found = list(embed.blocks(np.arange(rows), items))
    assert [len(block) for block in found] == sizes
    assert np.concatenate([np.arange(0), *found]).tolist() == list(range(rows))


@pytest.mark.parametrize("count", [1, 2, 7, 100, 256, 300])
def test_a_video_has_the_same_bits_in_any_company(count: int) -> None:
    """Blocks are always full. As one product of so few rows, those of 1, 2 and 7 come out otherwise in places."""
    layer, rows = torch.nn.Linear(192, 64), torch.randn(600, 192)
    whole = embed.embed_videos(layer, lambda block: rows[block], 600)
    order = torch.randperm(600)[:count]
    found = embed.embed_videos(layer, lambda block: rows[order][block], count)
    assert found.shape == (count, 64)
    assert torch.equal(found, whole[order])
    with torch.no_grad():
        assert torch.allclose(whole, layer(rows), atol=1e-6)


def test_no_video_has_no_vectors() -> None:
    found = embed.embed_videos(torch.nn.Linear(2, 3), lambda block: torch.zeros(len(block), 2), 0)
    assert found.shape == (0, 3)


class Lengths:
    """A model whose encoder gives each caption's number of words."""

    def __init__(self) -> None:
        self.encoders, self.seen = {"gru": None}, list[Any]()

    def encoded(self, features: dict[str, Tokens]) -> dict[str, Tensor]:
        self.seen.append({name: len(tokens) for name, tokens in features.items()})
        return {name: tokens.starts.diff()[:, None].float() for name, tokens in features.items()}


def test_encoders_see_all_captions_at_once_and_nothing_else_is_copied() -> None:
    """Captions 3, 0 and 2 of [a b] [c] [] [d e f]: lengths 3, 2, 0."""
    tokens = Tokens(torch.arange(6), torch.tensor([0, 2, 3, 3, 6]), 6)
    bow = torch.arange(8.0).view(4, 2)
    split = Split({"x3d": torch.ones(2, 1)}, {"gru": tokens, "bow": bow}, torch.tensor([0, 0, 1, 1]))
    model = Lengths()
    take, count = embed.each_text(model, split, np.array([3, 0, 2]))  # type: ignore[arg-type]
    assert count == 3
    assert model.seen == [{"gru": 3}]
    found = take(torch.tensor([2, 0]))
    assert {name: value.tolist() for name, value in found.items()} == {"gru": [[0.0], [3.0]], "bow": [[4, 5], [6, 7]]}
    assert len(model.seen) == 1
