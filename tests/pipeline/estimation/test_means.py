"""A topic that is missing from a run is told, and counts 0 in the mean over all."""

from pipeline.estimation.means import mean


def test_both_means_and_what_is_missing() -> None:
    result = mean({"501": 0.4, "502": 0.2}, ["501", "502", "503"], ["501", "502", "600"])
    assert (result.answered, round(result.every, 12)) == ((0.4 + 0.2) / 2, 0.2)
    assert (result.missing, result.unjudged) == (("503",), ("600",))


def test_nothing_judged() -> None:
    assert mean({}, [], ["501"]).every == 0
