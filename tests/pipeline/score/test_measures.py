"""Names of measures."""

import math

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.score.measures import RULES, named, usual


def test_each_has_a_rule() -> None:
    names = ["R@1", "R@100", "MedR", "MRR", "mAP", "infAP", "infNDCG", "iP10", "map", "ndcg_cut_10", "trec_eval infAP"]
    measures = named([*names, "map"])
    assert [measure.name for measure in measures] == names
    assert [measure.rule for measure in measures] == ["laff"] * 5 + ["TRECVID"] * 3 + ["trec_eval"] * 2 + [
        "trec_eval infAP"
    ]
    assert {measure.rule for measure in measures} == set(RULES)


def test_unknown_names_are_told_together() -> None:
    with pytest.raises(LaffError) as raised:
        named(["R@0", "ndcg_cut", "infap", "P_0"])
    assert raised.value.problems[1:3] == [
        "'ndcg_cut' needs a depth, such as ndcg_cut_10",
        "no measure 'infap'; did you mean 'infAP'?",
    ]
    assert len(raised.value.problems) == 4


def test_those_that_suit_the_judgements() -> None:
    assert [measure.name for measure in usual(stratified=True)] == ["infAP", "infNDCG"]
    assert [measure.name for measure in usual(stratified=False)] == ["R@1", "R@5", "R@10", "MedR", "MRR", "mAP"]


def test_sums_and_texts() -> None:
    recall, median, ap = named(["R@5", "MedR", "mAP"])
    values = np.array([1.0, 2.5, math.inf])
    assert median.sum_up(values) == 2.5
    assert ap.sum_up(np.array([0.25, 0.5])) == 0.375
    assert (recall.worst, median.worst, ap.worst) == (0, math.inf, 0)
    assert [recall.text(25, 9), median.text(2.5, 9), median.text(math.inf, 9), ap.text(0.25, 9)] == [
        "25.0",
        "2.5",
        ">9",
        "0.2500",
    ]
    assert ap.text(ap.sum_up(np.zeros(0)), 9) == "-"
