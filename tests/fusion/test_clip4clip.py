"""Aggregators of frames over cached features: vectors, scores of pairs, what the constructor refuses."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from fusion.clip4clip import Clip4Clip
from fusion.features import Frames, Sparse, Split
from fusion.losses import make
from fusion.retrieval import Retrieval, mrr

T, D = 12, 8
DIMS: dict[str, Any] = {"video_dims": {"f": D}, "text_dims": {"t": D}, "lengths": {"f": T}, "frames": ("f",)}


def model(path: str = "fusion.frames.ea.EA", /, **params: Any) -> Clip4Clip:
    torch.manual_seed(0)
    clip4clip = Clip4Clip(**DIMS, aggregate=path, aggregate_params=params)
    with torch.no_grad():
        for parameter in clip4clip.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.2)
    return clip4clip


def given(videos: int = 5, captions: int = 7) -> tuple[dict[str, Frames], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    counts = torch.arange(videos) % T + 1
    values = torch.randn(videos, T, D, generator=generator) * (torch.arange(T) < counts[:, None])[:, :, None]
    return {"f": Frames(values, counts)}, {"t": torch.randn(captions, D, generator=generator)}


def test_means_by_hand() -> None:
    video, text = given()
    clip4clip = Clip4Clip(**DIMS, aggregate="fusion.frames.mean.Mean", aggregate_params={"pre_norm": True})
    frames, captions = video["f"].values.double().numpy(), text["t"].double().numpy()
    wanted = np.zeros((7, 5))
    for v in range(5):
        own_frames = frames[v, : v + 1]
        mean = (own_frames / np.linalg.norm(own_frames, axis=1, keepdims=True)).mean(0)
        for c in range(7):
            wanted[c, v] = captions[c] @ mean / np.linalg.norm(mean) / np.linalg.norm(captions[c])
    np.testing.assert_allclose(clip4clip.cosines(video, text)[0].numpy(), wanted, atol=1e-5)
    np.testing.assert_allclose(clip4clip.scores(video, text).numpy(), wanted, atol=1e-5)
    np.testing.assert_allclose((clip4clip.embed_text(text) @ clip4clip.embed_video(video).T).numpy(), wanted, atol=1e-5)


def test_pairs_are_scored_one_by_one() -> None:
    clip4clip, (video, text) = model("fusion.frames.tight.TightTransf", layers=1).eval(), given()
    assert clip4clip.scores_pairs
    scores = clip4clip.scores(video, text)
    one: Any = clip4clip.aggregator
    for c in range(7):
        for v in range(5):
            alone = one(text["t"][c : c + 1], video["f"].values[v : v + 1], video["f"].counts[v : v + 1])
            torch.testing.assert_close(scores[c, v], alone[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(clip4clip.cosines(video, text), scores[None])
    with pytest.raises(ValueError, match="TightTransf scores pairs; a video alone has no vector"):
        clip4clip.embed_video(video)


@pytest.mark.parametrize(
    ("aggregate", "params"),
    [
        ("ea.EA", {}),
        ("lstm.SeqLSTM", {"aggregate": 0.25}),
        ("transformer.SeqTransf", {"layers": 1}),
        ("content.Content", {}),
        ("tight.TightTransf", {"layers": 1, "excite": 4}),
    ],
)
def test_training_brings_a_caption_to_its_video(aggregate: str, params: dict[str, Any]) -> None:
    """Videos that differ in the place of a signal among noise: what a mean over frames sees least."""
    video, text = given(6, 6)
    split = Split(video, text, torch.arange(6))
    clip4clip = model(f"fusion.frames.{aggregate}", **params)
    task = Retrieval(clip4clip, split, split, make("infonce"))
    optimiser = torch.optim.Adam(clip4clip.parameters(), lr=0.01)
    losses = []
    for _ in range(40):
        loss = task.loss(torch.arange(6))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] * 0.9
    assert 0 < task.score() <= 1
    again = model(f"fusion.frames.{aggregate}", **params)
    again.load_state_dict(task.state())
    torch.testing.assert_close(again.eval().scores(video, text), clip4clip.eval().scores(video, text))


def test_the_scale_of_the_loss_is_not_for_pairs() -> None:
    seen: list[float] = []

    def loss(cosines: Tensor, scale: Tensor, videos: Tensor | None) -> Tensor:
        seen.append(float(scale))
        return cosines.sum()

    video, text = given(5, 5)
    split = Split(video, text, torch.arange(5))
    for name in ("fusion.frames.tight.TightTransf", "fusion.frames.ea.EA"):
        Retrieval(model(name), split, split, loss).loss(torch.arange(5))
    assert seen == [1.0, 20.0]


def test_mean_reciprocal_rank_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranks 1, 2 and, tied with one other, 1.5: (1 + 1/2 + 2/3) / 3; in blocks of 2 captions."""
    scores = torch.tensor([[3.0, 1.0, 2.0], [3.0, 2.0, 1.0], [0.0, 4.0, 4.0]])
    clip4clip, (video, text) = model("fusion.frames.tight.TightTransf"), given(3, 3)
    text["t"][:, 0] = torch.arange(3)
    monkeypatch.setattr("fusion.retrieval.BLOCK", 2)
    monkeypatch.setattr(clip4clip, "scores", lambda video, text: scores[text["t"][:, 0].long()])
    assert mrr(clip4clip, Split(video, text, torch.arange(3))) == pytest.approx((1 + 1 / 2 + 1 / 1.5) / 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"video_dims": {"f": D, "x": D}}, "one video feature with one text feature, not f, x with t"),
        ({"text_dims": {"t": D + 1}}, "'f' is 8 wide and 't' 9"),
        ({"frames": ("g",)}, r"reads 'f' frame by frame; name it in frames \(now g\), and give its stage level: frame"),
        ({"lengths": {}}, "give its stage level: frame"),
        (
            {"aggregate": "fusion.frames.eaa.EA"},
            r"names no aggregator .*; did you mean a class of fusion\.frames\.ea\?",
        ),
        ({"aggregate": "os.path"}, r"'os\.path', which names no aggregator of fusion/frames/"),
        ({"aggregate": "fusion.frames.ea.normalize"}, "names no aggregator"),
        ({"aggregate_params": {"exite": 4}}, "EA has no parameter 'exite'; did you mean 'excite'"),
        ({"aggregate_params": {"excite": -4}}, "ratio -4"),
    ],
)
def test_what_the_constructor_refuses(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Clip4Clip(**(DIMS | change))


def test_features_of_another_kind_are_named() -> None:
    clip4clip, (video, text) = model(), given()
    with pytest.raises(ValueError, match="'f' should come frame by frame, not as one row for each video"):
        clip4clip.video_units({"f": video["f"].values[:, 0]})
    with pytest.raises(ValueError, match="'t' should hold dense rows, not Sparse"):
        clip4clip.text_units({"t": Sparse.of(csr_matrix(text["t"].numpy()))})
    with pytest.raises(ValueError, match=r"12 frames|13 frames|6 frames a video were given"):
        clip4clip.video_units({"f": Frames(video["f"].values[:, :6], video["f"].counts.clamp(max=6))})
