"""trec_eval's measures, and laff's own against them where ties are broken as trec_eval breaks them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.estimation.order import ranked
from pipeline.runfiles.numbered import Numbered
from pipeline.score import own, sampled, standard
from tests.pipeline.score.made import judgements_of, random_case, run_of

CASES = 200
TOPICS = [0, 1, 2, 3]
SAME = {"R@1": "success_1", "R@5": "success_5", "R@10": "success_10", "MRR": "recip_rank", "mAP": "map"}


@pytest.fixture
def trec_eval() -> None:
    pytest.importorskip(
        "pytrec_eval", reason="pytrec_eval-terrier is not installed: pip install -r requirements-trec.txt"
    )


@pytest.mark.usefixtures("trec_eval")
def test_own_measures_are_trec_evals_where_its_order_of_ties_is_imposed(tmp_path: Path) -> None:
    """200 random runs full of ties: equal once each list has the order that trec_eval reads it in."""
    differ = 0
    for number in range(CASES):
        scores, values = random_case(number)
        ids = Numbered()
        judgements = judgements_of(values, ids, tmp_path)
        theirs = standard.values(run_of(scores, ids), judgements, TOPICS, list(SAME.values()))
        ordered = {topic: ranked(listed) for topic, listed in scores.items()}
        imposed = {topic: {item: -float(n) for n, item in enumerate(items)} for topic, items in ordered.items()}
        found = own.relevant_ranks(run_of(imposed, ids), judgements, TOPICS)
        for name, their_name in SAME.items():
            scale = 100.0 if name.startswith("R@") else 1.0
            np.testing.assert_allclose(found.values(name), theirs[their_name] * scale, rtol=1e-12, err_msg=name)
        free = own.relevant_ranks(run_of(scores, ids), judgements, TOPICS)
        differ += not np.allclose(free.precision, theirs["map"])
    assert differ > CASES / 2  # by laff's rule ties have no order


@pytest.mark.usefixtures("trec_eval")
def test_trec_evals_infap_is_trec_evals(tmp_path: Path) -> None:
    for number in range(CASES):
        scores, values = random_case(number, least=-1)
        ids = Numbered()
        judgements, run = judgements_of(values, ids, tmp_path), run_of(scores, ids)
        theirs = standard.values(run, judgements, TOPICS, ["infAP"])["infAP"]
        np.testing.assert_allclose(sampled.trec_estimates(run, judgements, TOPICS), theirs, rtol=1e-9)


@pytest.mark.usefixtures("trec_eval")
def test_equal_scores_by_id_backwards_and_in_single_precision(tmp_path: Path) -> None:
    ids = Numbered()
    judgements = judgements_of({"1": {"a": 1}}, ids, tmp_path)
    for score in (1.0, 1.0 + 1e-12):
        run = run_of({"1": {"a": score, "b": 1.0}}, ids)
        assert standard.values(run, judgements, [0], ["map"])["map"].tolist() == [0.5]
        assert sampled.trec_estimates(run, judgements, [0]).tolist() == pytest.approx([0.5])


@pytest.mark.usefixtures("trec_eval")
def test_blocks_of_topics_and_topics_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores, values = random_case(1)
    ids = Numbered()
    judgements = judgements_of(values, ids, tmp_path)
    run = run_of({topic: listed for topic, listed in scores.items() if topic != "b"}, ids)
    whole = standard.values(run, judgements, TOPICS, ["map", "ndcg_cut_10", "P_5"])
    assert whole["map"][1] == 0
    monkeypatch.setattr(standard, "BLOCK", 1)
    for name, values_of_blocks in standard.values(run, judgements, TOPICS, list(whole)).items():
        np.testing.assert_array_equal(values_of_blocks, whole[name])


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytrec_eval", None)
    ids = Numbered()
    judgements = judgements_of({"1": {"a": 1}}, ids, tmp_path)
    with pytest.raises(
        LaffError, match=r"map: trec_eval's measures need the package pytrec_eval-terrier.*-r requirements-trec\.txt"
    ):
        standard.values(run_of({"1": {"a": 1}}, ids), judgements, [0], ["map"])
