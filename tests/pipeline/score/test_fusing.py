"""Rank fusion by hand, and as search fuses its models."""

import random

import pytest

from pipeline.errors import LaffError
from pipeline.runfiles.numbered import Numbered
from pipeline.score.fusing import COMBSUM, RRF, fused
from pipeline.search.fusing import fuse
from tests.pipeline.score.made import run_of


def test_reciprocal_ranks() -> None:
    ids = Numbered()
    first = run_of({"q": {"a": 9, "b": 5}, "r": {"c": 1}}, ids)
    second = run_of({"q": {"b": 0.3, "c": 0.2}, "s": {"d": 1}}, ids)
    run = fused([first, second], RRF, "rrf")
    assert run.tag == "rrf"
    assert {topic: dict(hits) for topic, hits in run.answers()} == {
        "q": pytest.approx({"b": 1 / 62 + 1 / 61, "a": 1 / 61}),  # as many as the longest list
        "r": pytest.approx({"c": 1 / 61}),
        "s": pytest.approx({"d": 1 / 61}),
    }


def test_sums_of_scores_that_were_brought_to_one_range() -> None:
    ids = Numbered()
    first = run_of({"q": {"a": 10, "b": 5, "c": 0}, "r": {"x": 3, "y": 3}}, ids)
    second = run_of({"q": {"c": 0.3, "a": 0.1}, "r": {"y": 1, "x": 0}}, ids)
    run = fused([first, second], COMBSUM, "x")
    assert [(topic, hits) for topic, hits in run.answers()] == [
        ("q", [("a", 1.0), ("c", 1.0), ("b", 0.5)]),  # equal ones by id
        ("r", [("y", 2.0), ("x", 1.0)]),
    ]


def test_runs_of_two_models_are_fused_as_search_fuses_them() -> None:
    ids = Numbered()
    drawn = random.Random(3)
    items = [f"v{n}" for n in range(30)]
    lists = []
    for _ in range(3):
        scores = {item: float(drawn.randrange(6)) for item in drawn.sample(items, 20)}
        lists.append(dict(sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))))  # as search lists them
    run = fused([run_of({"q": listed}, ids) for listed in lists], RRF, "x")
    ((_, hits),) = run.answers()
    assert hits == fuse([list(listed) for listed in lists])[:20]


def test_runs_that_were_read_apart() -> None:
    with pytest.raises(LaffError, match="should be read together"):
        fused([run_of({"q": {"a": 1}}, Numbered()), run_of({"q": {"b": 1}}, Numbered())], RRF, "x")
