"""The retrieval task: loss and score against loops; the noise rule; it learns."""

import pytest
import torch
from torch import Tensor

import fusion.retrieval
from fusion.features import Split
from fusion.laff import LAFF
from fusion.losses import triplet
from fusion.paired import Paired
from fusion.retrieval import Retrieval, mrr
from pipeline.graph.recipe import Recipe
from pipeline.training.trainer import make_optimizer, step


def split(videos: int = 6, captions: int = 14, seed: int = 0) -> Split:
    """Captions are a fixed linear map of their video plus a little noise, so there is something to learn."""
    generator = torch.Generator().manual_seed(seed)
    video = torch.randn(videos, 6, generator=generator)
    video_of = torch.arange(captions) % videos
    text = video[video_of] @ torch.linspace(-1, 1, 30).reshape(6, 5) ** 3
    text += 0.01 * torch.randn(text.shape, generator=generator)
    return Split({"x3d": video, "tf": torch.zeros(videos, 3)}, {"w2v": text}, video_of)


def paired() -> Paired:
    torch.manual_seed(0)
    size = {"heads": 2, "width": 8, "dropout": 0.0}
    return Paired(LAFF(dims={"x3d": 6, "tf": 3}, **size), LAFF(dims={"w2v": 5}, **size))


def test_score_is_the_mean_reciprocal_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    model, val = paired().eval(), split()
    with torch.no_grad():
        scores = (model.embed_text(val.text) @ model.embed_video(val.video).T).tolist()  # type: ignore[arg-type]
    total = 0.0
    for row, right in zip(scores, val.video_of.tolist(), strict=True):
        total += 1 / (1 + sum(score > row[right] for score in row))
    for block in (1024, 4):
        monkeypatch.setattr(fusion.retrieval, "BLOCK", block)
        assert mrr(model, val) == pytest.approx(total / len(val), rel=1e-12)


class Given:
    """Features are embeddings already. Whole numbers, so that equal similarities are equal in any order of summing."""

    scores_pairs = False

    def encoded(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return features

    def embed_video(self, features: dict[str, Tensor]) -> Tensor:
        return features["x"]

    embed_text = embed_video


def test_ties_count_half() -> None:
    """Caption 0 finds its video 0 level with video 1 and below video 2: 1 + 1 + 1/2. Caption 1: four level: 1 + 3/2."""
    video = torch.tensor([[2.0, 0.0], [2.0, 0.0], [3.0, 0.0], [0.0, 0.0]])
    text = torch.tensor([[1.0, 0.0], [0.0, 5.0]])
    val = Split({"x": video}, {"x": text}, torch.tensor([0, 3]))
    assert mrr(Given(), val) == pytest.approx((1 / 2.5 + 1 / 2.5) / 2)  # type: ignore[arg-type]
    val = Split({"x": video}, {"x": text}, torch.tensor([2, 3]))
    assert mrr(Given(), val) == pytest.approx((1 / 1 + 1 / 2.5) / 2)  # type: ignore[arg-type]


def test_a_model_of_nan_has_no_score() -> None:
    model = paired().eval()
    with torch.no_grad():
        next(model.parameters()).fill_(torch.nan)
    assert mrr(model, split()) != mrr(model, split())


def test_score_leaves_the_mode_and_the_statistics_alone() -> None:
    task = Retrieval(paired().train(), split(), split(seed=1), triplet)
    before = task.state()
    assert task.score() == task.score()
    assert task.model.training
    assert all(torch.equal(value, before[name]) for name, value in task.state().items())


def test_blank_features_become_noise_while_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a feature that is zero for every video of the batch; nothing is noise in a score."""
    train = split()
    half = train.video["x3d"].clone()
    half[:3] = 0
    train = Split({**train.video, "x3d": half}, train.text, train.video_of)
    task = Retrieval(paired(), train, train, triplet)
    seen: list[dict[str, Tensor]] = []
    cosines = task.model.cosines

    def spy(video: dict[str, Tensor], text: dict[str, Tensor]) -> Tensor:
        seen.append(dict(video))
        return cosines(video, text)

    monkeypatch.setattr(task.model, "cosines", spy)
    torch.manual_seed(1)
    task.loss(torch.tensor([0, 1, 3]))  # videos 0, 1, 3: x3d of video 3 speaks
    task.loss(torch.tensor([0, 1, 2]))
    torch.manual_seed(1)
    assert torch.equal(seen[0]["x3d"], half[[0, 1, 3]])
    assert torch.equal(seen[0]["tf"], torch.randn(3, 3))
    assert torch.equal(seen[1]["x3d"], torch.randn(3, 6))
    assert not train.video["tf"].any()


def test_it_learns() -> None:
    train = split(videos=30, captions=60)
    task = Retrieval(paired(), train, train, triplet)
    before = task.score()
    recipe = Recipe(lr=1e-2)
    optimizer = make_optimizer(task.model, recipe)
    for _ in range(60):
        step(task.loss(torch.arange(60)), optimizer, recipe.clip)
    assert task.score() > before + 0.3


def test_an_empty_split_is_named() -> None:
    empty = Split({"x3d": torch.ones(1, 6)}, {"w2v": torch.ones(0, 5)}, torch.zeros(0, dtype=torch.int64))
    with pytest.raises(ValueError, match="validation split has no captions"):
        Retrieval(paired(), split(), empty, triplet)


def test_bfloat16_products() -> None:
    """Another loss, by the rounding of 8 bits; cosines, gradients and weights stay float32, and scores are the same."""
    train = split(videos=30, captions=60)
    train = Split({"x3d": train.video["x3d"], "tf": torch.ones(30, 3)}, train.text, train.video_of)  # no noise
    tasks = [Retrieval(paired(), train, train, triplet, precision=precision) for precision in ("float32", "bfloat16")]
    exact, rounded = (task.loss(torch.arange(60)) for task in tasks)
    assert exact.dtype == rounded.dtype == torch.float32
    assert exact != rounded
    assert float(rounded) == pytest.approx(float(exact), rel=2e-2)
    with tasks[1].products():
        cosines = tasks[1].model.cosines(*train.batch(torch.arange(60)))
    assert cosines.dtype == torch.float32
    assert not torch.equal(cosines, cosines.bfloat16().float())  # not rounded after all
    rounded.backward()
    assert all(p.grad.dtype == p.dtype == torch.float32 for p in tasks[1].model.parameters() if p.grad is not None)
    assert tasks[0].score() == tasks[1].score()
    assert not torch.is_autocast_enabled("cpu")


def test_it_learns_with_bfloat16_products() -> None:
    train = split(videos=30, captions=60)
    task = Retrieval(paired(), train, train, triplet, precision="bfloat16")
    before = task.score()
    optimizer = make_optimizer(task.model, Recipe(lr=1e-2))
    for _ in range(60):
        step(task.loss(torch.arange(60)), optimizer, 2.0)
    assert task.score() > before + 0.3
