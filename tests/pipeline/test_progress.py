"""Bars: where they stand, what they say on a terminal and without one, and that each is moved by who holds it."""

import io
import re
import sys
import time
from typing import Any

import pytest

from pipeline import progress

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
FACTS = {
    **{"n": 10, "total": 40, "elapsed": 12.0, "rate": 0.5, "prefix": "x3d: ", "unit": "video"},
    **{"postfix": "video0007", "ascii": True},
}


class Terminal(io.StringIO):
    """A standard error that a person watches."""

    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A standard error whose reader has ended."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def watched(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 100 columns as standard error. Not a fixture: pytest sets its own between fixtures and a test."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "100")
    return terminal


def test_a_bar_counts_and_tells_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    with progress.bar("x3d", 8, "video") as bar:
        assert bar.done == 0
        bar.advance()
        bar.advance(3, "v7")
        assert bar.done == 4
    assert re.search(r"x3d:  50%\|.{20}\| 4/8 video \[00:00<00:00, .*, v7\]", terminal.getvalue())


def test_a_training_says_how_much_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it stops early, what was done is all."""
    terminal = watched(monkeypatch)
    with progress.bar("train", 20, "step") as bar:
        bar.to(4, 20, "first epoch")
        assert bar.done == 4
        bar.to(8, 8, "epoch 2 loss 0.5")
        assert bar.done == 8
    assert re.search(r"train: 100%\|.*\| 8/8 step \[.*, epoch 2 loss 0.5\]", terminal.getvalue())


def test_bars_within_each_other_move_by_themselves() -> None:
    with progress.bar("rank", 2, "run") as outer:
        for _ in range(2):
            with progress.bar("pairs", 9, "pair") as inner:
                inner.advance(9)
                assert inner.done == 9
            outer.advance()
        assert outer.done == 2


def test_a_bar_ends_with_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)

    def failing() -> None:
        with progress.bar("decode", 4, "video") as bar:
            bar.advance()
            raise ValueError("v3")

    with pytest.raises(ValueError, match="v3"):
        failing()
    assert re.search(r"1/4 video .*\n$", terminal.getvalue())  # its line is finished


def test_something_is_said_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    with progress.bar("decode", 4, "video"):
        progress.say("v3 is no video")
    said = terminal.getvalue()
    assert re.search(r"(^|[\r\n])v3 is no video\n", said)  # the bar's line was cleared for it
    assert not re.search(TIME, said)


def test_a_note_is_for_the_log_where_there_are_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    progress.note("x3d: 5 made in 3.0 s")
    assert terminal.getvalue() == ""


# A narrow terminal; 30 of 40 videos are to go, at 0.5 a second that is a minute.


def test_a_wide_line_has_all() -> None:
    assert progress.fitted(FACTS, 100) == (
        "x3d:  25%|#####               | 10/40 video [00:12<01:00, 2.00 s/video, video0007]"
    )


@pytest.mark.parametrize(
    ("room", "line"),
    [
        (59, "x3d:  25% 10/40 video [00:12<01:00, video0007]"),
        (61, "x3d:  25% 10/40 video [00:12<01:00, 2.00 s/video, video0007]"),
        (41, "x3d:  25% 10/40 video [00:12<01:00, vide]"),
        (35, "x3d:  25% 10/40 video [00:12<01:00]"),
        (33, "x:  25% 10/40 video [00:12<01:00]"),
    ],
)
def test_a_narrow_line_keeps_the_time_that_is_left(room: int, line: str) -> None:
    assert progress.fitted(FACTS, room) == line


@pytest.mark.parametrize("room", range(40, 130))
def test_no_line_is_too_long_whatever_it_is_about(room: int) -> None:
    facts = FACTS | {"prefix": "clip-ft+x3d+ircsn+tf+timm: ", "n": 1234, "total": 10000, "elapsed": 5000.0}
    line = progress.fitted(facts, room)
    assert len(line) <= room
    assert "[1:23:20<4:52:12" in line  # 8766 at 0.5 a second


def test_the_width_is_what_the_terminal_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert progress.columns() == 60
    monkeypatch.setenv("COLUMNS", "wide")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert progress.columns() == 80


# Without a terminal


def test_lines_with_the_time_of_day_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One now and then, though nothing moves, and one at the end."""
    monkeypatch.setattr(progress, "EVERY", 0.05)
    with progress.bar("x3d", 8, "video") as bar:
        bar.advance(2, "v7")
        time.sleep(0.2)
    progress.say("said")
    progress.note("noted")
    *middle, end, said, noted = capsys.readouterr().err.splitlines()
    assert 1 <= len(middle) <= 4
    for line in middle:
        assert re.fullmatch(rf"{TIME} x3d: 2/8 video, 25%, 00:00 left, v7", line)
    assert re.fullmatch(rf"{TIME} x3d: 2/8 video in 00:00, v7", end)
    assert re.fullmatch(rf"{TIME} said", said)
    assert re.fullmatch(rf"{TIME} noted", noted)


def test_the_rest_is_told_by_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 90.0, 90.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    bar = progress.Bar("decode", 40, "video", None)
    bar.advance(10)
    assert bar.line() == "decode: 10/40 video, 25%, 04:30 left"  # 30 more at 9 s each
    assert bar.line(ended=True) == "decode: 10/40 video in 01:30"


@pytest.mark.parametrize("stream", [None, Gone(), "closed"])
def test_work_goes_on_where_nobody_reads_what_is_said(stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if stream == "closed":
        stream = io.StringIO()
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.bar("x3d", 2, "video") as bar:
        bar.advance()
        progress.say("something")
        assert bar.done == 1
