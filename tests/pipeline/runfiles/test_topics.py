"""Names of topics."""

from pipeline.runfiles.topics import listed, matched


def test_a_leading_one_more_or_less() -> None:
    assert matched(["1501", "1502", "7"], ["501", "502"]) == {"1501": "501", "1502": "502"}
    assert matched(["501", "502"], ["1501"]) == {"501": "1501"}


def test_only_where_nothing_matches_as_it_is() -> None:
    assert matched(["501", "1502"], ["501", "502"]) == {}
    assert matched(["1", "2"], ["11", "12"]) == {}  # no numbers of TRECVID's
    assert matched(["a501"], ["1a501"]) == {}


def test_lists_are_cut() -> None:
    assert listed(["a", "b", "c"], 5, most=2) == "a, b and 1 more (3 of 5)"
    assert listed(["a"]) == "a"
