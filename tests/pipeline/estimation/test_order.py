"""The order of TREC's programs."""

from pipeline.estimation.order import ranked


def test_equal_scores_by_id_backwards() -> None:
    assert ranked({"a": 1.0, "c": 0.5, "b": 1.0, "d": 2.0}) == ["d", "b", "a", "c"]
    assert ranked({"a": 1.0, "b": 1.0}, 1) == ["b"]
