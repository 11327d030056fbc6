"""Estimates by way of files: the cases that tests of `pipeline.estimation` work out by hand."""

from pathlib import Path

import pytest

from pipeline.runfiles import qrels
from pipeline.runfiles.numbered import Numbered
from pipeline.score.sampled import estimates, trec_estimates
from tests.pipeline.score.made import run_of

FOUR_DECIMALS = 5e-5


def test_two_strata_and_a_missing_topic(tmp_path: Path) -> None:
    """Stratum 1 is judged wholly, stratum 2 at 20 %: infAP 0.5694, by hand in the tests of `inferred`."""
    unjudged = "".join(f"1 0 u{n} 2 -1\n" for n in range(8))
    (tmp_path / "q").write_text(f"1 0 n 1 0\n1 0 a 1 1\n1 0 x 2 1\n1 0 y 2 0\n{unjudged}2 0 a 1 1\n")
    ids = Numbered()
    judgements = qrels.read(tmp_path / "q", ids)
    run = run_of({"1": {"n": 4, "a": 3, "u0": 2, "x": 1}}, ids)
    values = estimates(run, judgements, [0, 1])
    assert values["infAP"].tolist() == pytest.approx([0.5694, 0], abs=FOUR_DECIMALS)
    retrieved = 2 * 1 / 2 + 2 * 1 / 1  # estimated relevant items of both strata
    assert values["iP10"].tolist() == pytest.approx([retrieved / 10, 0], abs=FOUR_DECIMALS)
    whole = trec_estimates(run, judgements, [0, 1])
    assert whole.tolist() == pytest.approx([(1 / 2 + (1 + 3 * 1 / 2) / 4) / 2, 0], abs=FOUR_DECIMALS)


def test_without_strata_it_is_average_precision(tmp_path: Path) -> None:
    (tmp_path / "q").write_text("1 0 a 1\n1 0 b 0\n1 0 c 1\n1 0 d 1\n")
    ids = Numbered()
    judgements = qrels.read(tmp_path / "q", ids)
    run = run_of({"1": {"a": 3, "b": 2, "c": 1}}, ids)
    assert estimates(run, judgements, [0])["infAP"].tolist() == pytest.approx([5 / 9], abs=FOUR_DECIMALS)
