"""Weights of models and features in a search: by arithmetic, and what a person's mistakes are told as."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import cli
from fusion.weighing import entered
from pipeline.errors import LaffError
from pipeline.search import reweighed
from pipeline.search.fusing import fuse
from pipeline.search.hit import Hit
from pipeline.search.library import Library
from pipeline.search.weights import Weighable, Weights, read
from tests.pipeline.kept import LOST, SIZES, Small

SENTENCE = "red circle moves left"
EVERY = sum(SIZES.values()) - 1


def by_hand(library: Library, factors: list[float]) -> dict[str, float]:
    """Scores of all videos from the model itself: sum over heads of cosines with sum_k s_k a_k f_k, over the heads."""
    [finder] = library.finders
    model = finder._model
    asked = torch.from_numpy(finder.asking.ask([SENTENCE]))[0].double().unflatten(0, (2, -1))  # heads
    ids, _ = library.features("other")
    values = {name: dict(zip(*library.features(name), strict=True)) for name in ("one", "other")}
    rows = {name: torch.tensor(np.stack([values[name][id_] for id_ in ids])) for name in values}
    with torch.no_grad():
        vectors, weights = entered(model.video, rows)
    scaled = weights.double() * torch.tensor(factors)
    fused = torch.einsum("bhk,bkhw->bhw", scaled, vectors.double())
    units = fused / fused.norm(dim=-1, keepdim=True)
    scores = torch.einsum("hw,bhw->b", asked / asked.norm(dim=-1, keepdim=True), units) / 2
    return dict(zip(ids, scores.tolist(), strict=True))


def scores(hits: list[Hit]) -> dict[str, float]:
    return {hit.video: hit.score for hit in hits}


def test_weight_one_or_the_same_for_all_changes_not_a_bit(small: Small) -> None:
    library = Library(small.request())
    plain = library.search(SENTENCE, 100)
    for same in (1.0, 3.0):
        weights = Weights(video=dict.fromkeys(("one", "other"), same), models={"laff": 1})
        assert library.search(SENTENCE, 100, weights) == plain
    assert library.notes(weights) == library.notes()


@pytest.mark.parametrize("factors", [[0.0, 1.0], [1.0, 0.0], [0.5, 2.0]])
def test_factors_of_video_features_by_hand(small: Small, factors: list[float]) -> None:
    """A factor 0 for one of two leaves the other with all of the attention, in score and share."""
    library = Library(small.request())
    weights = Weights(video=dict(zip(("one", "other"), factors, strict=True)))
    hits = library.search(SENTENCE, 100, weights)
    expected = by_hand(library, factors)
    assert scores(hits) == pytest.approx(expected, abs=1e-6)
    assert [hit.video for hit in hits] == sorted(expected, key=lambda id_: (-scores(hits)[id_], id_))
    assert scores(hits) != pytest.approx(scores(library.search(SENTENCE, 100)), abs=1e-4)
    for hit in hits:
        assert sum(hit.shares.values()) == pytest.approx(1, abs=1e-6)
        assert not [name for name, share in hit.shares.items() if (share == 0) != (not weights.video[name])]
    assert not [note for note in library.notes(weights) if "ordered anew" in note]


def test_of_many_videos_the_best_of_the_plain_order_are_ordered_anew(small: Small, monkeypatch) -> None:
    weights = Weights(video={"one": 0.25})
    library = Library(small.request())
    exact = scores(library.search(SENTENCE, 100, weights))
    plain = [hit.video for hit in library.search(SENTENCE, 5)]
    like = scores(library.like("test1", 100, weights))
    monkeypatch.setattr(reweighed, "WHOLE", 10)
    monkeypatch.setattr(reweighed, "DEPTH", 5)
    library = Library(small.request())
    for k in (5, 3):
        hits = library.search(SENTENCE, k, weights)
        assert [hit.video for hit in hits] == sorted(plain, key=lambda id_: -exact[id_])[:k]
        assert [hit.score for hit in hits] == [exact[hit.video] for hit in hits]
        assert all(set(hit.shares) == {"one", "other"} for hit in hits)
    assert library.notes(weights) == [
        f"with these weights only the 1,000 best of the plain order by laff are ordered anew, for the {EVERY} videos "
        "are more than 10,000"
    ]
    found = library.like("test1", 4, weights)
    assert [hit.score for hit in found] == [like[hit.video] for hit in found]
    assert len(library.search(SENTENCE, 100, weights)) == EVERY


@pytest.fixture
def two_texts() -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    from fusion.laff import LAFF
    from fusion.paired import Paired

    torch.manual_seed(0)
    block = partial(LAFF, heads=3, width=4, dropout=0.0)
    model = Paired(block(dims={"v": 5}), block(dims={"a": 6, "b": 7}), heads=3).eval()
    return model, {"a": torch.randn(4, 6), "b": torch.randn(4, 7)}


def test_texts_are_weighed_as_videos_are(two_texts) -> None:
    """Weight 0 for all but one feature is the unit vector of that feature alone, in each head."""
    from fusion.weighing import embed_text, weighable

    model, features = two_texts
    assert weighable(model) == ((), ("a", "b"))  # a single feature has nothing beside it
    with torch.no_grad():
        alone = model.text.enter["b"](features["b"]).unflatten(1, (3, 4))
        alone = (alone / alone.norm(dim=-1, keepdim=True)).flatten(1) / 3**0.5
        torch.testing.assert_close(embed_text(model, features, torch.tensor([0.0, 1.0])), alone, atol=1e-6, rtol=0)
        torch.testing.assert_close(embed_text(model, features, torch.ones(2)), model.embed_text(features))


def test_models_weigh_in_reciprocal_rank_fusion(small: Small) -> None:
    names = ["laff", "concat"]
    lists = [[hit.video for hit in Library(small.request(), [name]).search(SENTENCE, 100)] for name in names]
    library = Library(small.request(), names)
    weights = Weights(models={"concat": 0.25})
    hits = library.search(SENTENCE, 6, weights)
    by_rank = {id_: 1 / (60 + 1 + rank) for rank, id_ in enumerate(lists[0])}
    expected = {id_: by_rank[id_] + 0.25 / (60 + 1 + rank) for rank, id_ in enumerate(lists[1])}
    assert scores(hits) == pytest.approx({hit.video: expected[hit.video] for hit in hits})
    assert library.notes(weights)[0].startswith("reciprocal rank fusion of laff and concat: sums of weight / (60 + ")
    alone = library.search(SENTENCE, 6, Weights(models={"concat": 0}))
    assert [hit.video for hit in alone] == lists[0][:6]
    assert fuse([["a"], ["b"]], [0, 1]) == [("b", 1 / 61)]


def test_what_can_be_weighed(small: Small) -> None:
    library = Library(small.request(), ["laff", "concat"])
    assert library.weighable() == {"laff": Weighable(("one", "other"), ()), "concat": Weighable()}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"video": {"oter": 2}}, "no video feature 'oter'; did you mean 'other'? (here: one, other)"),
        ({"text": {"bow": 2}}, "'bow' cannot be weighed: laff, concat have no weights of text features beside each"),
        ({"models": {"lafff": 2}}, "no model 'lafff' in this search; did you mean 'laff'? (here: laff, concat)"),
        ({"video": {"one": 0, "other": 0}}, "all video features have weight 0 (one, other), so nothing is left"),
        ({"models": {"laff": 0, "concat": 0}}, "all models have weight 0, so nothing is left to search by"),
        ({"video": {"one": -1}}, "the weight of 'one' is -1; it should be 0 or more, such as 0.5"),
        ({"video": {"one": float("nan")}}, "the weight of 'one' is nan; it should be 0 or more"),
    ],
)
def test_mistakes_are_told(small: Small, weights: dict[str, dict[str, float]], said: str) -> None:
    library = Library(small.request(), ["laff", "concat"])
    for search in (library.search, library.like):
        with pytest.raises(LaffError) as error:
            search("test1", 3, Weights(**weights))
        assert said in str(error.value)


def test_weights_are_read_from_texts() -> None:
    assert read(["model:laff/seed2=0.5", "video:x3d=0", "text:bow=2"]) == Weights(
        {"laff/seed2": 0.5}, {"x3d": 0.0}, {"bow": 2.0}
    )
    for text, said in (
        ("video:x3d", "'video:x3d' has no number behind the last '='"),
        ("video:x3d=much", "'video:x3d=much' has no number"),
        ("vidoe:x3d=1", "'vidoe:x3d=1' is not; did you mean 'video'?"),
        ("x3d=1", "'x3d=1' is not"),
        ("video:=1", "'video:=1' is not"),
    ):
        with pytest.raises(LaffError) as error:
            read([text])
        assert "a weight is KIND:NAME=NUMBER, such as video:x3d=0" in str(error.value)
        assert said in str(error.value)


def test_the_command_takes_weights(small: Small) -> None:
    words = ["search", SENTENCE, *small.options(), "-k", "4", "--json", "--weight", "video:one=0"]
    result = CliRunner().invoke(cli.main, words)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    hits = Library(small.request()).search(SENTENCE, 4, Weights(video={"one": 0}))
    assert [(hit["video"], hit["score"]) for hit in found["hits"]] == [(hit.video, hit.score) for hit in hits]
    assert LOST not in [hit.video for hit in hits]
    result = CliRunner().invoke(cli.main, [*words[:-1], "video:oen=0"])
    assert result.exit_code == 1
    assert "no video feature 'oen'; did you mean 'one'?" in result.output
