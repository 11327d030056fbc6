"""Which figures of a column are marked: the best, and those within one standard deviation of it."""

import pytest

from pipeline.views.figure_table import BEST, TIED, Figure, FigureTable, figure, marks


def figures(*pairs: tuple[float, float]) -> dict[int, Figure]:
    return {at: Figure(f"{mean:.1f}", mean, std, round(mean, 1)) for at, (mean, std) in enumerate(pairs)}


def test_the_highest_and_what_is_within_one_std_of_it() -> None:
    """Best 20.0 ± 0.5: 19.5 is just within its std, 19.4 is not; 19.0 ± 1.0 is within its own."""
    marked = marks(figures((20.0, 0.5), (19.5, 0.1), (19.4, 0.5), (19.0, 1.0), (5.0, 0.0)), lower=False)
    assert marked == {0: BEST, 1: TIED, 3: TIED}


def test_the_lowest_where_lower_is_better() -> None:
    assert marks(figures((8.0, 0.0), (7.0, 0.6), (7.5, 0.2)), lower=True) == {1: BEST, 2: TIED}


def test_all_with_the_best_digits_are_the_best() -> None:
    """12.34 and 12.31 are both shown as 12.3, and the reader sees no difference."""
    assert marks(figures((12.34, 0.0), (12.31, 0.0), (12.2, 0.0)), lower=False) == {0: BEST, 1: BEST}


def test_no_marks_where_there_is_nothing_to_choose() -> None:
    assert marks(figures((1.0, 0.1)), lower=False) == marks({}, lower=False) == {}
    assert marks(figures((2.0, 0.1), (2.0, 0.2)), lower=False) == {}


def test_a_single_seed_has_no_ties() -> None:
    assert marks(figures((10.0, 0.0), (9.9, 0.0)), lower=False) == {0: BEST}


@pytest.mark.parametrize(("name", "best"), [("R@1", 0), ("mAP", 0), ("MedR", 1), ("MeanR", 1), ("MV-test3k MedR", 1)])
def test_the_direction_follows_from_the_metric(name: str, best: int) -> None:
    table = FigureTable(["row", name], [["a", Figure("2", 2.0)], ["b", Figure("1", 1.0)]])
    assert table.marks() == {(best, 1): BEST}


def test_groups_of_rows_have_a_best_each() -> None:
    rows = [["a", Figure(str(value), value)] for value in (1.0, 9.0, 2.0, 8.0, 99.0)]
    assert FigureTable(["row", "R@1"], rows, groups=[[0, 2], [1, 3]]).marks() == {(2, 1): BEST, (1, 1): BEST}
    assert FigureTable(["row", "R@1"], rows, groups=()).marks() == {}


def test_words_are_not_compared() -> None:
    table = FigureTable(["row", "R@1"], [["a", Figure("1", 1.0)], ["b", "-"], ["c", "9.0"], ["d", Figure("2", 2.0)]])
    assert table.marks() == {(3, 1): BEST}
    assert table.texts() == [["row", "R@1"], ["a", "1"], ["b", "-"], ["c", "9.0"], ["d", "2"]]


def test_words_are_aligned_to_the_left() -> None:
    rows = [["a", Figure("1", 1.0), "< 0.001*", "1, 2, 3", "other features"], ["b", "-", "", "", ""]]
    assert FigureTable(["row", "R@1", "p, laff", "seeds", "note"], rows).alignment() == ["l", "r", "r", "r", "l"]
    assert FigureTable(["row", "kind", "R@1"], [["a", "b", "1"]], left=2).alignment() == ["l", "l", "r"]


def test_the_legend_says_what_there_is() -> None:
    table = FigureTable(["row", "R@1"], [])
    assert table.legend({}) == []
    assert len(table.legend({(0, 1): BEST})) == 1
    assert "†" in table.legend({(0, 1): BEST, (1, 1): TIED})[1]
    (sentence,) = FigureTable(["row", "R@1"], [], groups=[[0], [1]]).legend({(0, 1): BEST})
    assert sentence.endswith("among rows of its kind.")


def test_a_metric_over_seeds() -> None:
    one = figure({"mean": 12.345, "std": 0.44, "seeds": [12.0, 12.69]}, "R@1")
    assert (one.text, one.mean, one.std, one.shown) == ("12.3 ± 0.4", 12.345, 0.44, 12.3)
    assert figure({"mean": 0.12345, "std": 0.0, "seeds": [0.12345]}, "mAP").shown == 0.123
