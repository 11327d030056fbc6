"""Windows: their bounds, how people write and read them, and how a video is divided evenly."""

import math

import pytest

from pipeline import ids
from pipeline.items.windows import WHOLE, Window, clock, even, seconds_of, seconds_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("0", 0.0), ("12.5", 12.5), (" 7 ", 7.0), (".5", 0.5), ("90", 90.0), ("1:02", 62.0), ("01:02.5", 62.5)),
        *(("1:00:00", 3600.0), ("0:00:12.345", 12.345), ("100:00:01", 360001.0)),
        *(
            (text, None)
            for text in ("", "-1", "1,5", "1:60", "1:60:00", "1e3", "inf", "nan", "12s", "1:2:3:4", "a", "٣", "1:٣٠")
        ),
    ],
)
def test_seconds_as_people_write_them(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


def test_ids_of_windows_say_their_bounds() -> None:
    assert Window(10, 20).name("cooking/pasta") == "cooking/pasta@10-20"
    assert Window(0, 2.5).name("a@b") == "a@b@0-2.5"
    assert Window(1.0004, 61.25).name("é #1") == "é #1@1-61.25"
    assert not ids.wrong(Window(0.001, 0.1).name("x"))
    assert [seconds_text(value) for value in (0.0, 100.0, 0.12, 1 / 3, math.inf)] == [
        "0",
        "100",
        "0.12",
        "0.333",
        "inf",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (9.94, "0:09.9"),
        (59.96, "1:00"),
        (61.5, "1:01.5"),
        (600, "10:00"),
        (3600, "1:00:00"),
        (3725, "1:02:05"),
    ],
)
def test_seconds_as_a_player_shows_them(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_what_can_be_no_window() -> None:
    assert WHOLE.wrong == ""
    assert Window(1, 2).wrong == ""
    assert Window(2, 2).wrong == "goes from 2 to 2: its end should be later"
    assert Window(2, 1.5).wrong == "goes from 2 to 1.5: its end should be later"
    assert Window(1.0001, 1.0002).wrong == "goes from 1.0001 to 1.0002: a window lasts a millisecond at least"
    assert Window(1.0001, 1.0011).wrong == ""
    assert Window(-1, 2).wrong == "starts at -1; a window starts at 0 seconds or later"


@pytest.mark.parametrize(
    ("duration", "seconds", "stride", "bounds"),
    [
        (30, 10, 10, [(0, 10), (10, 20), (20, 30)]),
        (26, 10, 10, [(0, 10), (10, 20), (20, 26)]),  # the last one is shorter
        (25, 10, 10, [(0, 10), (10, 20), (20, 25)]),
        (24.9, 10, 10, [(0, 10), (10, 24.9)]),  # less than half a stride: the one before is longer
        (20, 10, 5, [(0, 10), (5, 15), (10, 20)]),  # none that lies in the one before
        (22, 10, 5, [(0, 10), (5, 15), (10, 22)]),
        (23, 10, 5, [(0, 10), (5, 15), (10, 20), (15, 23)]),
        (4.2, 10, 5, [(0, 4.2)]),  # a video shorter than a window
        (12, 10, 5, [(0, 12)]),
        (0.05, 10, 5, [(0, 0.05)]),
        (2.0004, 1, 1, [(0, 1), (1, 2)]),  # bounds are whole milliseconds, as ids say them
        (0, 10, 5, []),  # a file without times
        (0.0001, 10, 5, []),
    ],
)
def test_a_video_divided_evenly(
    duration: float, seconds: float, stride: float, bounds: list[tuple[float, float]]
) -> None:
    windows = even(duration, seconds, stride)
    assert windows == [Window(*pair) for pair in bounds]
    assert not any(window.wrong for window in windows)
