"""Pieces of charts: escaping, the numbers on axes, and where they lie."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from pipeline.views import svg
from pipeline.views.svg import Scale

HOSTILE = "<script>window.hit = 1</script>\"'&"


def test_texts_and_attributes_are_escaped() -> None:
    drawn = svg.drawing(HOSTILE, "About.", 10, 10, [svg.text(1, 2, HOSTILE), svg.element("g", svg.tip(HOSTILE))])
    root = ElementTree.fromstring(drawn)
    assert root.get("aria-label") == f"{HOSTILE}. About."
    assert [text.text for text in root.iter("text")] == [HOSTILE]
    assert [title.text for title in root.iter("title")] == [HOSTILE]
    assert root.get("viewBox") == "0 0 10 10"


def test_a_text_without_room_is_cut_and_shows_itself_when_pointed_at() -> None:
    assert svg.cut("abcdefghij", 5 * svg.LETTER) == "abcd…"
    assert svg.cut("a\n b", 100) == "a b"
    assert svg.text(0, 0, "abcdefghij", room=5 * svg.LETTER) == (
        '<text x="0" y="0">abcd…<title>abcdefghij</title></text>'
    )


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0, 10, 5, [0, 2, 4, 6, 8, 10]),
        (0.13, 0.42, 3, [0.2, 0.3, 0.4]),
        (-3, 3, 3, [-2, 0, 2]),
        (5, 5, 5, [5]),
    ],
)
def test_numbers_on_an_axis_are_round_and_inside(low: float, high: float, count: int, expected: list[float]) -> None:
    assert svg.ticks(low, high, count) == pytest.approx(expected)


def test_labels() -> None:
    assert [svg.label(value) for value in (0, 0.25, 1234.0, 1e-4, 3e6)] == ["0", "0.25", "1,234", "1e-4", "3e6"]


def test_the_numbers_of_an_axis_are_written_alike() -> None:
    assert svg.labels([0, 0.25, 0.5]) == ["0", "0.25", "0.5"]
    assert svg.labels([0, 2.5e-4, 7.5e-4, 1e-3]) == ["0", "2.5e-4", "7.5e-4", "1e-3"]


def test_scales() -> None:
    assert [Scale(0, 10, 100, 200)(value) for value in (0, 5, 10, 11)] == [100, 150, 200, 200]
    assert Scale(1, 100, 0, 10, log=True)(10) == pytest.approx(5)
    assert Scale(3, 3, 0, 10)(3) == 5  # a single value lies in the middle
    assert Scale(0.5, 300, 0, 1, log=True).ticks() == [1, 10, 100]
