"""Weights: mean, std and share against a softmax computed with NumPy, over items, heads and seeds."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fusion.concat import Concat
from fusion.features import Split
from fusion.laff import LAFF
from fusion.paired import Paired
from fusion.sea import SEA
from pipeline.errors import LaffError
from pipeline.inspection import weights

VIDEOS, HEADS, WIDTH = 600, 2, 3  # more videos than stand in one block
SCORES = {1: [[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]], 2: [[0.0, 0.0, 0.0], [-1.0, 1.0, 0.3]]}  # seed -> [H, W]


@pytest.fixture
def split() -> Split:
    generator = torch.Generator().manual_seed(3)
    video = {name: torch.randn(VIDEOS, WIDTH, generator=generator) * scale for name, scale in (("a", 1), ("b", 3))}
    return Split(video, {"t": torch.randn(4, WIDTH, generator=generator)}, torch.arange(4))


def model(seed: int) -> Paired:
    """Raw features in evaluation mode are only scaled by 1 / sqrt(1 + 1e-5), so all else follows from the scores."""
    video = LAFF(dims={"a": WIDTH, "b": WIDTH}, heads=HEADS, width=WIDTH, raw=("a", "b"))
    text = LAFF(dims={"t": WIDTH}, heads=HEADS, width=WIDTH, raw=("t",))
    with torch.no_grad():
        video.score.copy_(torch.tensor(SCORES[seed]))
    return Paired(video, text).eval()


def subject(split: Split, *seeds: int, make=model) -> SimpleNamespace:
    about = SimpleNamespace(uses="fusion.laff.LAFF")
    return SimpleNamespace(name="laff", model=about, seeds=seeds, test=split, trained=make)


def by_hand(split: Split, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and shares, each [V, H, K]."""
    vectors = np.stack([split.video[name].double().numpy() for name in ("a", "b")], axis=1) / math.sqrt(1 + 1e-5)
    logits = np.einsum("vkw,hw->vhk", vectors, np.array(SCORES[seed]))
    raised = np.exp(logits)
    attention = raised / raised.sum(axis=2, keepdims=True)
    pulls = attention * np.linalg.norm(vectors, axis=2)[:, None]
    return attention, pulls / pulls.sum(axis=2, keepdims=True)


def test_over_everything(split: Split) -> None:
    measured = weights.lines(weights.measure(subject(split, 1, 2)))
    both = [by_hand(split, seed) for seed in (1, 2)]
    values = np.concatenate([weight for weight, _ in both]).reshape(-1, 2)
    shares = np.concatenate([share for _, share in both]).reshape(-1, 2)
    means = np.array([weight.mean(axis=(0, 1)) for weight, _ in both])
    lines = weights.summary(measured)
    assert [line.feature for line in lines["video"]] == (["a", "b"] if values[:, 0].mean() > 0.5 else ["b", "a"])
    for line in lines["video"]:
        k = "ab".index(line.feature)
        assert line.mean == pytest.approx(values[:, k].mean(), abs=1e-6)
        assert line.std == pytest.approx(values[:, k].std(), abs=1e-6)
        assert line.share == pytest.approx(shares[:, k].mean(), abs=1e-6)
        assert line.std_of_seeds == pytest.approx(abs(means[0, k] - means[1, k]) / math.sqrt(2), abs=1e-6)
    (text,) = lines["text"]
    assert (text.mean, text.std, text.share) == (1, 0, 1)


def test_of_each_seed_and_head(split: Split) -> None:
    measured = weights.lines(weights.measure(subject(split, 1, 2)))
    for seed in (1, 2):
        weight, share = by_hand(split, seed)
        for head in ("all", "0", "1"):
            chosen = slice(None) if head == "all" else [int(head)]
            for k, name in enumerate("ab"):
                (line,) = [x for x in measured if (x.seed, x.head, x.feature) == (str(seed), head, name)]
                assert line.mean == pytest.approx(weight[:, chosen, k].mean(), abs=1e-6)
                assert line.std == pytest.approx(weight[:, chosen, k].std(), abs=1e-6)
                assert line.share == pytest.approx(share[:, chosen, k].mean(), abs=1e-6)
    assert len(measured) == (2 + 1) * (1 + 2 * 3)  # features of both sides; all, and each seed with all and two heads


def test_one_seed_stands_once(split: Split) -> None:
    measured = weights.lines(weights.measure(subject(split, 1)))
    assert {(line.seed, line.head) for line in measured} == {("all", "all"), ("1", "0"), ("1", "1")}
    assert weights.table(measured)[1][4] == "-"  # no std of one seed


def test_a_model_without_weights_is_told(split: Split) -> None:
    def concat(seed: int) -> Paired:
        both = {"heads": HEADS, "width": WIDTH}
        return Paired(Concat(dims={"a": WIDTH, "b": WIDTH}, **both), Concat(dims={"t": WIDTH}, **both)).eval()

    def sea(seed: int) -> SEA:
        return SEA(video_dims={"a": WIDTH, "b": WIDTH}, text_dims={"t": WIDTH}, width=4).eval()

    for make in (concat, sea):
        with pytest.raises(LaffError, match=r"laff \(fusion.laff.LAFF\) has no weights for its features"):
            weights.measure(subject(split, 1, make=make))


def test_vectors_that_are_not_shown_have_no_share(split: Split) -> None:
    """A block that lets features enter in a way of its own."""

    class Even(torch.nn.Module):
        dims: dict[str, int]

        def __init__(self, *names: str) -> None:
            super().__init__()
            self.dims = dict.fromkeys(names, WIDTH)

        def forward(self, features):
            stacked = torch.stack([features[name] for name in self.dims], dim=1)
            weights = torch.full((len(stacked), 1, len(self.dims)), 1 / len(self.dims))
            return stacked.mean(dim=1)[:, None], weights

    measured = weights.lines(weights.measure(subject(split, 1, make=lambda seed: Paired(Even("a", "b"), Even("t")))))
    assert [(line.mean, line.std) for line in weights.summary(measured)["video"]] == [(0.5, 0), (0.5, 0)]
    assert all(math.isnan(line.share) for line in measured)
    assert [row[5] for row in weights.table(measured)[1:]] == ["-", "-", "-"]
    assert "Counting the lengths" not in weights.sentence(measured)


def line(side: str, feature: str, mean: float, share: float) -> weights.Weight:
    return weights.Weight(side, feature, "all", "all", mean, 0.1, 0.0, share)


def test_the_sentence() -> None:
    videos = [line("video", "x3d", 0.5, 0.2), line("video", "tf", 0.3, 0.1), line("video", "clip", 0.2, 0.7)]
    assert weights.sentence([*videos, line("text", "bow", 1.0, 1.0)]).splitlines() == [
        "On the video side x3d (0.50) carries more than an even share (0.33); clip carries least (0.20).",
        "Counting the lengths of the vectors, clip is the largest part (0.70).",
        "The text side has bow alone, so it carries all.",
    ]
    pair = [line("text", "a", 0.4, 0.3), line("text", "b", 0.38, 0.3), line("text", "c", 0.22, 0.4)]
    assert weights.sentence(pair).startswith("On the text side a (0.40), b (0.38) carry more than an even share (0.33)")
