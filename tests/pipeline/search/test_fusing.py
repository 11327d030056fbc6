"""Reciprocal rank fusion by hand."""

from __future__ import annotations

import pytest

from pipeline.search.fusing import describe, fuse


def test_scores_are_sums_of_reciprocal_ranks_and_ties_go_by_id() -> None:
    found = fuse([["a", "b", "c"], ["c", "d"], ["d"]])
    assert [item for item, _ in found] == ["d", "c", "a", "b"]
    assert dict(found) == pytest.approx({"d": 1 / 62 + 1 / 61, "c": 1 / 63 + 1 / 61, "a": 1 / 61, "b": 1 / 62})
    assert [item for item, _ in fuse([["z"], ["y"]])] == ["y", "z"]


def test_it_is_named() -> None:
    assert describe(["laff", "concat"]).startswith("reciprocal rank fusion of laff and concat: ")
