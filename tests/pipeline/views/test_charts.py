"""Charts: what is drawn where, worked out by hand, and the figures beside it."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from pipeline.views import charts, maps
from pipeline.views.charts import Chart, Dot
from pipeline.views.svg import WIDTH
from pipeline.views.templates import environment

HOSTILE = "<img src=x onerror=alert(1)>"


def drawn(chart: Chart, kind: str) -> list[ElementTree.Element]:
    """The elements of a class."""
    return [one for one in ElementTree.fromstring(chart.source).iter() if kind in one.get("class", "").split()]


def test_curves_run_from_edge_to_edge_and_a_ring_marks_a_point() -> None:
    curves = {"a": [(1.0, 0.0), (2.0, 1.0), (3.0, 0.5)], "b": [(1.0, 0.25), (2.0, 0.5)]}
    chart = charts.lines("T", "About.", curves, ("epoch", "MRR"), {"a": (2.0, 1.0)})
    first, second = (line.get("d", "") for line in drawn(chart, "line"))
    assert first.startswith("M48 ")
    assert f"L{WIDTH - 10} " in first
    assert f"L{(48 + WIDTH - 10) / 2:g} " in second  # ends half way
    (ring,) = drawn(chart, "ring")
    assert float(ring.get("cx", 0)) == (48 + WIDTH - 10) / 2
    assert [one.get("class") for one in drawn(chart, "series")] == ["series s1", "series s2", "series s1"]
    assert chart.rows == [["a", "3", "0", "0.5", "2: 1"], ["b", "2", "0.25", "0.5", ""]]


def test_more_series_than_colours_begin_again() -> None:
    assert [charts.series(number) for number in (0, 5, 6)] == ["series s1", "series s6", "series s1"]
    assert charts.legend(["x", "y"]) == [("series s1", "x"), ("series s2", "y")]


def test_bars_are_as_long_as_their_values() -> None:
    chart = charts.bars("T", "About.", [Dot("a", 0.4, 0.4, 0.4), Dot("b", 0.1, 0.1, 0.1)], "weight", even=0.25)
    long, short = (float(bar.get("width", 0)) for bar in drawn(chart, "bar"))
    assert long == pytest.approx(4 * short, abs=0.3)
    assert len(drawn(chart, "even")) == 1
    assert drawn(chart, "whisker") == []  # no interval
    assert (chart.header, chart.rows) == (["", "weight"], [["a", "0.40"], ["b", "0.10"]])


def test_dots_have_intervals_and_the_marked_row_another_shape() -> None:
    rows = [Dot("laff", 50.0, 40.0, 60.0), Dot("mean", 52.0, 52.0, 52.0)]
    chart = charts.dots("T", "About.", rows, "R@10, %", {"laff"}, even=10.0)
    square, circle = drawn(chart, "dot")
    assert (square.tag, circle.tag) == ("rect", "circle")
    whiskers = [(float(one.get("x1", 0)), float(one.get("x2", 0))) for one in drawn(chart, "whisker")]
    assert len(whiskers) == 3  # of laff alone: a line and its two ends
    middle = float(square.get("x", 0)) + 4.5
    assert middle == pytest.approx(sum(whiskers[0]) / 2, abs=0.2)
    assert chart.rows == [["laff", "50.0", "40.0 to 60.0"], ["mean", "52.0", ""]]


def test_a_histogram_has_a_bar_for_each_count() -> None:
    chart = charts.histogram("T", "About.", [0, 1, 2, 3], [4, 0, 2], ("seconds", "videos"))
    high, low = (float(bar.get("height", 0)) for bar in drawn(chart, "bar"))
    assert high == pytest.approx(2 * low)
    assert chart.rows == [["0 to 1", "4"], ["1 to 2", "0"], ["2 to 3", "2"]]


def test_a_heat_map_says_its_figures() -> None:
    chart = maps.heat("T", "About.", ["1", "2"], np.array([[1.0, 0.25], [0.25, 1.0]]), "space")
    assert [one.get("fill-opacity") for one in drawn(chart, "heat")] == ["1", "0.295", "0.295", "1"]
    assert [one.text for one in ElementTree.fromstring(chart.source).iter("text")][:4] == [
        "1.00",
        "0.25",
        "0.25",
        "1.00",
    ]
    assert chart.rows == [["1", "1.000", "0.250"], ["2", "0.250", "1.000"]]


def test_ranks_of_two_rows() -> None:
    edges = [0.5, 1.5, 2.5, 5.5]
    counted = np.zeros((3, 3), np.int64)
    counted[0, 0], counted[0, 2] = 5, 1  # rank 1 in both; 1 in the first and 3 to 5 in the second
    chart = maps.counts("T", "About.", ("rank in a", "rank in b"), edges, counted, ["a", "b", "captions"])
    near, far = drawn(chart, "heat")
    assert near.get("fill-opacity") == "1"
    assert float(near.get("y", 0)) > float(far.get("y", 0))  # a higher rank lies higher
    assert chart.rows == [["1", "1", "5"], ["1", "3 to 5", "1"]]


def test_the_template_escapes_what_is_no_drawing() -> None:
    chart = charts.dots(HOSTILE, HOSTILE, [Dot(HOSTILE, 1.0, 0.5, 2.0, HOSTILE)], HOSTILE)
    page = environment().from_string('{% from "chart.html" import chart %}{{ chart(one) }}').render(one=chart)
    assert "<img" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 5
    assert "<summary>As a table" in page
