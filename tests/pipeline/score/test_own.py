"""laff's measures of runs: the cases that `ranks.rank` works out, and lists that end before the relevant items."""

import math
from pathlib import Path

import numpy as np
import pytest

from pipeline.runfiles.numbered import Numbered
from pipeline.score.own import relevant_ranks
from tests.pipeline.score.made import judgements_of, run_of


def test_places_in_ties_and_items_that_are_not_listed(tmp_path: Path) -> None:
    ids = Numbered()
    scores = {
        "one": {"a": 0.9, "b": 0.5, "c": 0.5, "d": 0.1},
        "two": {"a": 0.8, "b": 0.8, "c": 0.2, "d": 0.8},
        "cut": {"a": 0.9, "b": 0.5},
        "none": {"a": 0.9},
    }
    values = {
        "one": {"c": 1, "a": 0},
        "two": {"a": 1, "d": 2},
        "cut": {"b": 1, "z": 1},
        "none": {"z": 1},
        "missing": {"a": 1},
    }
    result = relevant_ranks(run_of(scores, ids), judgements_of(values, ids, tmp_path), [0, 1, 2, 3, 4])
    assert result.first.tolist() == pytest.approx([2.5, 4 / 3, 2, math.inf, math.inf])
    assert result.precision.tolist() == pytest.approx([1 / 2.5, (3 / 4 + 6 / 8) / 2, (1 / 2) / 2, 0, 0])
    assert result.values("R@1").tolist() == [0, 0, 0, 0, 0]
    assert result.values("R@2").tolist() == [0, 100, 100, 0, 0]
    assert result.values("MRR").tolist() == pytest.approx([0.4, 0.75, 0.5, 0, 0])
    assert np.isinf(result.values("MedR")[3:]).all()
