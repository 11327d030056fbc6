"""Which frames a window has: arithmetic on times."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.video.media import VideoError
from pipeline.video.spans import FrameTable, Numbering, Span


def table(times: list[float], seconds: float, marks: list[int] | None = None) -> FrameTable:
    ticks = None if marks is None else np.array(marks)
    return FrameTable(np.array(times), ticks, np.zeros(0, np.int64), 10.0, seconds)


TEN = table([number / 10 for number in range(10)], 1.0)  # 10 frames at 10 fps


@pytest.mark.parametrize(
    ("start", "end", "first", "frames"),
    [
        (0, math.inf, 0, 10),
        (0, 1, 0, 10),
        (0.3, 0.6, 3, 3),  # the frame at 0.6 is not in it, though 0.1 * 6 is a little more than 0.6
        (0.25, 0.55, 3, 3),  # 0.3, 0.4, 0.5
        (0.3, 0.30001, 3, 1),
        (0.31, 0.34, 3, 1),  # no frame appears in it: 0.3 is nearest to 0.325
        (0.36, 0.39, 4, 1),
        (0.95, math.inf, 9, 1),  # the last frame is still there
        (0.5, 7, 5, 5),
    ],
)
def test_frames_that_appear_in_a_window(start: float, end: float, first: int, frames: int) -> None:
    assert TEN.span(start, end) == Span(first, frames)
    assert Span(first, frames).stop == first + frames


def test_windows_side_by_side_share_no_frame_and_leave_none_out() -> None:
    thirds = table([number * 1001 / 30000 for number in range(300)], 300 * 1001 / 30000)
    spans = [thirds.span(second, second + 1) for second in range(10)]
    assert spans[0].first == 0
    assert [one.stop for one in spans[:-1]] == [two.first for two in spans[1:]]
    assert spans[-1].stop == 300


def test_bounds_in_milliseconds_are_those_of_frames() -> None:
    """Parts that begin with a frame, rounded: each has the frames from there to the next."""
    film = table([number / 24 for number in range(240)], 10.0)
    begins = list(range(0, 240, 7))
    bounds = [round(begin / 24, 3) for begin in begins]
    spans = [film.span(start, end) for start, end in zip(bounds, [*bounds[1:], math.inf], strict=True)]
    assert [one.first for one in spans] == begins
    assert {one.frames for one in spans[:-1]} == {7}


def test_uneven_times_count_as_they_are() -> None:
    uneven = table([0, 0.02, 0.04, 0.5, 2.0, 2.1], 2.2)
    assert uneven.span(0, 0.5) == Span(0, 3)
    assert uneven.span(0.5, 2.05) == Span(3, 2)
    assert uneven.span(0.6, 1.2) == Span(3, 1)  # 0.5 is nearer to 0.9 than 2.0


def test_a_window_behind_the_video_is_refused() -> None:
    with pytest.raises(VideoError, match=r"^the window begins at 70 s, but the video lasts 61.2 s$"):
        table([0.0], 61.2).span(70, 80)
    with pytest.raises(VideoError, match="begins at 1 s, but the video lasts 1 s"):
        TEN.span(1, 2)


def test_a_window_that_ends_behind_the_video_is_told() -> None:
    assert TEN.short(1.0) == TEN.short(1.1) == TEN.short(math.inf) == ""
    assert TEN.short(1.2) == "used as far as it goes: the window ends at 1.2 s, but the video lasts 1 s"


def test_frames_that_a_file_lacks_at_its_end_are_those_of_the_windows_there() -> None:
    """Of 50 frames that are expected there are 10."""
    assert [TEN.expected(TEN.span(0, end), end, 40) for end in (0.5, 1.0, 2.5, 9.0, math.inf)] == [5, 10, 25, 50, 50]
    assert TEN.expected(TEN.span(0.5, 2.0), 2.0, 40) == 15
    assert TEN.expected(TEN.span(0.5, 2.0), 2.0, 0) == TEN.expected(TEN.span(0.5, 2.0), 2.0, -3) == 5


def test_frames_are_numbered_by_their_times_or_by_their_order() -> None:
    numbering = Numbering(table([0, 0.1, 0.2, 0.3, 0.4], 0.5, [7, 17, 27, 37, 47]))
    # The third is lost, the fifth says nothing, the last says what is over: each then follows the one before.
    assert [numbering.number(mark) for mark in (7, 17, 37, None, 17)] == [0, 1, 3, 4, 5]
    by_order = Numbering(TEN)
    assert [by_order.number(mark) for mark in (7, 900, None)] == [0, 1, 2]
    assert TEN.by_order(20).times.tolist() == [number / 10 for number in range(20)]
    assert TEN.by_order(20).seconds == 2
