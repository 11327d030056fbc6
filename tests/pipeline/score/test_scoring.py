"""Scores of runs: means over all topics and over those that a run answers, what is told, and significance."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.runfiles.numbered import Numbered
from pipeline.score import standard
from pipeline.score.inputs import Inputs
from pipeline.score.scoring import Scores, score
from tests.pipeline.score.made import judgements_of, run_of


def scored(folder: Path, *measures: str, against: str = "") -> Scores:
    """Topic 1: first place; 2: second place in `a`, missing in `b`; 3: nothing relevant; 4: not judged."""
    ids = Numbered()
    values = {"1": {"x": 1, "y": 0}, "2": {"x": 0, "y": 1}, "3": {"x": 0}}
    runs = {
        "a": run_of({"1": {"x": 3, "z": 1}, "2": {"x": 2, "y": 1}, "3": {"x": 1}, "4": {"x": 1}}, ids),
        "b": run_of({"1": {"x": 3}}, ids),
    }
    return score(Inputs(runs, judgements_of(values, ids, folder)), measures, against)


def test_a_missing_topic_counts_0_and_the_mean_without_it_stands_beside(tmp_path: Path) -> None:
    scores = scored(tmp_path, "mAP", "MRR", "R@1", "MedR", "infAP")
    assert scores.topics == ["1", "2"]
    expected = {"mAP": 0.75, "MRR": 0.75, "R@1": 50, "MedR": 1.5, "infAP": 0.75}
    assert scores.means("a") == pytest.approx(expected, abs=1e-4)
    everywhere, answered = scores.means("b"), scores.means("b", answered_only=True)
    assert everywhere == pytest.approx({"mAP": 0.5, "MRR": 0.5, "R@1": 50, "MedR": np.inf, "infAP": 0.5}, abs=1e-4)
    assert answered == pytest.approx({"mAP": 1, "MRR": 1, "R@1": 100, "MedR": 1, "infAP": 1}, abs=1e-4)
    assert scores.means("a", topics=["2", "9"])["mAP"] == 0.5
    assert np.isnan(scores.means("a", topics=["9"])["mAP"])


def test_what_a_reader_should_know(tmp_path: Path) -> None:
    assert scored(tmp_path, "infAP").notes == [
        "left out, for no item is judged relevant: 3 (1 of 3)",
        "the judgements have no strata: infAP and its like take each topic as one stratum",
        "a has topics without judgements, which count nowhere: 4",
        "a: 1 of 5 listed items (20%) were not judged",
        "b lacks judged topics, which count as 0: 2 (1 of 2)",
    ]


def test_judgements_of_relevant_items_alone_and_lists_that_end_before_them(tmp_path: Path) -> None:
    ids = Numbered()
    runs = {"a": run_of({"1": {"x": 3, "z": 1}, "2": {"x": 2, "z": 1}}, ids)}
    judgements = judgements_of({"1": {"x": 1}, "2": {"y": 1}}, ids, tmp_path)
    assert score(Inputs(runs, judgements), ["MRR"]).notes == [
        "the judgements list relevant items only; all others count as not relevant",
        "a: 1 of 2 topics have no relevant item in their list (of 2 items at most), so MRR and mAP count 0 for them, "
        "where full scores (`laff evaluate`) give a little more",
    ]


def test_the_usual_measures_say_what_the_missing_package_would_add(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standard, "installed", lambda: False)
    scores = scored(tmp_path)
    assert [measure.name for measure in scores.measures] == ["R@1", "R@5", "R@10", "MedR", "MRR", "mAP"]
    assert scores.notes[0].startswith("map, recip_rank, ndcg_cut_10 are left out: trec_eval's")


def test_runs_are_compared_over_topics(tmp_path: Path) -> None:
    """Ten topics that differ alike: only 2 of 1,024 signs are as far from 0, so p is near 2 / 1024."""
    ids = Numbered()
    topics = [str(number) for number in range(10)]
    runs = {
        name: run_of({topic: {"x": place, "y": 1} for topic in topics}, ids)
        for name, place in (("bad", 0), ("good", 2), ("same", 0))
    }
    judgements = judgements_of({topic: {"x": 1} for topic in topics}, ids, tmp_path)
    scores = score(Inputs(runs, judgements), ["mAP", "MedR"])
    assert scores.against == "bad"
    assert list(scores.p) == ["mAP"]
    assert scores.p["mAP"]["good"] == pytest.approx(2 * 2 / 1024, abs=2e-3)  # twice, for two runs are compared
    assert scores.p["mAP"]["same"] == 1
    assert score(Inputs(runs, judgements), ["mAP"], "good").p["mAP"].keys() == {"bad", "same"}


def test_captions_of_one_video_are_exchanged_together(tmp_path: Path) -> None:
    """As above, but all topics are captions of one video: one sign for all, so nothing can be told."""
    ids = Numbered()
    topics = [f"v#{number}" for number in range(10)]
    runs = {
        name: run_of({topic: {"x": place, "y": 1} for topic in topics}, ids) for name, place in (("a", 0), ("b", 2))
    }
    judgements = judgements_of({topic: {"x": 1} for topic in topics}, ids, tmp_path)
    assert score(Inputs(runs, judgements), ["mAP"]).p == {"mAP": {"b": 1.0}}


def test_one_run_is_compared_with_none(tmp_path: Path) -> None:
    ids = Numbered()
    inputs = Inputs({"a": run_of({"1": {"x": 1}}, ids)}, judgements_of({"1": {"x": 1}}, ids, tmp_path))
    scores = score(inputs, ["mAP"])
    assert (scores.against, scores.p) == ("", {})


def test_what_cannot_be_scored(tmp_path: Path) -> None:
    with pytest.raises(LaffError, match="--against c: no such run; known: a, b"):
        scored(tmp_path, "mAP", against="c")
    ids = Numbered()
    inputs = Inputs({"a": run_of({"1": {"x": 1}}, ids)}, judgements_of({"1": {"x": 0}}, ids, tmp_path))
    with pytest.raises(LaffError, match="no item is judged relevant"):
        score(inputs)
