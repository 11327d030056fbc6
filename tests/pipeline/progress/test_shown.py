"""What is shown while work goes on: a display on a terminal, lines elsewhere, and nothing that stops the work."""

from __future__ import annotations

import io
import logging
import re
import sys
import threading
import time
from typing import Any

import pytest

from pipeline import progress
from tests.screen import Terminal

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


class Gone(io.StringIO):
    """A standard error whose reader has ended."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def watched(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Terminal:
    """A terminal of 100 columns as standard error. Not a fixture: pytest sets its own between fixtures and a test."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"COLUMNS": "100", "LINES": "24", "TERM": "xterm-256color", **environment}.items():
        monkeypatch.setenv(name, value)
    return terminal


def test_a_bar_is_shown_while_its_block_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    with progress.bar("x3d", 8, "video") as bar:
        bar.advance()
        bar.advance(3, "v7")
        assert bar.done == 4
        assert terminal.shows(r"^x3d  ━+╌+  50% 4/8 videos · \d\d:\d\d left · .* · v7$")
        assert progress.has_display()
    assert terminal.text == ""
    assert terminal.column == 0  # what is printed next has a line of its own
    assert not progress.has_display()
    assert "\x1b[?25" not in terminal.getvalue()  # a cursor that is hidden would stay so after a kill


def test_a_run_shows_its_stages_with_the_bar_below_those_that_work(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    stages = progress.Stages(["ingest", "decode", "train"], {"decode": 2, "train": 6})
    with progress.running(stages):
        stages.begin("decode", 2, "not made yet")
        with progress.bar("decode", 8, "video") as bar:
            bar.advance(4)
            stages.unit("decode", "00000.h5", ["v3"])
            assert terminal.shows(r"50% 4/8")
            head, *rows = terminal.text.splitlines()
        assert re.fullmatch(r"1 of 3 stages · 00:0\d · 1 failed", head)
        assert rows[:2] == ["= ingest  cached", "▸ decode  1 of 2 · 1 failed  (not made yet)"]
        assert re.match(r"  ━+╌+  50% 4/8 videos · ", rows[2])
        assert rows[3:] == ["· train   6 to make"]
        stages.end("decode", ["00000.h5", "00001.h5"], 1.25)
        assert terminal.shows(r"✓ decode  2 made in 1\.2 s · 1 failed\n· train   6 to make$")
    assert terminal.text == ""


def test_what_is_said_stays_above_in_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    long = "a line that is longer than the terminal is wide: " + "x" * 120
    with progress.bar("decode", 4, "video"):
        assert terminal.shows("0/4")
        progress.say("v3 is no video")
        progress.say(long)  # the terminal breaks it, so that it can be copied as one
        progress.say("[bold]v4[/bold] :smile: \\[x]")
        assert terminal.shows("0/4")
    assert terminal.text == f"v3 is no video\n{long}\n[bold]v4[/bold] :smile: \\[x]"
    assert not re.search(TIME, terminal.text)


def test_what_a_library_writes_stays_above_too(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    with progress.bar("decode", 4, "video"):
        assert terminal.shows("0/4")
        assert logging.lastResort
        logging.lastResort.handle(logging.makeLogRecord({"msg": "an old function", "levelno": logging.WARNING}))
        sys.stderr.write("a library\n")
        assert terminal.shows("0/4")
    assert terminal.text == "an old function\na library"
    assert sys.stderr is terminal


def test_many_threads_say_something_while_a_bar_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)

    def speak(name: str) -> None:
        for number in range(40):
            progress.say(f"{name}{number}")

    with progress.bar("outer", 9, "item"), progress.bar("inner", 200, "item") as bar:
        threads = [threading.Thread(target=speak, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for _ in range(200):
            bar.advance()
        for thread in threads:
            thread.join()
    assert sorted(terminal.text.splitlines()) == sorted(f"{name}{number}" for name in "abcd" for number in range(40))


def test_bars_within_each_other_move_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    with progress.bar("rank", 2, "run") as outer:
        for _ in range(2):
            with progress.bar("pairs", 9, "pair") as inner:
                inner.advance(9)
                assert inner.done == 9
                assert terminal.shows(r"^rank .* \d/2 runs .*\npairs .* 9/9 pairs")
            outer.advance()
        assert outer.done == 2


def test_a_bar_ends_with_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)

    def failing() -> None:
        with progress.bar("decode", 4, "video") as bar:
            bar.advance()
            assert terminal.shows("1/4")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        failing()
    assert (terminal.text, terminal.column, progress.has_display()) == ("", 0, False)
    assert sys.stderr is terminal


def test_a_note_is_for_the_log_where_there_is_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    progress.note("x3d: 5 made in 3.0 s")
    assert terminal.getvalue() == ""
    progress.tell("for a person who watches")
    assert terminal.getvalue() == "for a person who watches\n"


def test_no_colours_where_none_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR: bold and dim letters may stay."""
    for environment, colours in (({}, True), ({"NO_COLOR": "1"}, False)):
        terminal = watched(monkeypatch, **environment)
        with progress.bar("decode", 4, "video") as bar:
            bar.advance(2)
            assert terminal.shows("2/4")
        assert bool(re.search(r"\x1b\[[\d;]*3\dm", terminal.getvalue())) is colours


def test_letters_that_the_terminal_has(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    terminal.encoding = "ascii"  # type: ignore[misc]
    with progress.bar("decode", 4, "video") as bar:
        bar.advance(2)
        assert terminal.shows(r"^decode  #+-+  50% 2/4 videos, ")


# Without a terminal


def test_lines_with_the_time_of_day_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One now and then, though nothing moves, and one at the end."""
    monkeypatch.setattr("pipeline.progress.shown.EVERY", 0.05)
    with progress.running(progress.Stages(["x3d"], {"x3d": 1})), progress.bar("x3d", 8, "video") as bar:
        bar.advance(2, "v7")
        time.sleep(0.2)
        assert not progress.has_display()
    progress.say("said")
    progress.note("noted")
    *middle, end, said, noted = capsys.readouterr().err.splitlines()
    assert 1 <= len(middle) <= 4
    for line in middle:
        assert re.fullmatch(rf"{TIME} x3d: 2/8 videos, 25%, 00:00 left, v7", line)
    assert re.fullmatch(rf"{TIME} x3d: 2/8 videos in 00:00, v7", end)
    assert re.fullmatch(rf"{TIME} said", said)
    assert re.fullmatch(rf"{TIME} noted", noted)


@pytest.mark.parametrize(("done", "total", "lines"), [(0, 0, 0), (4, 0, 1), (0, 8, 1)])
def test_of_work_that_never_began_nothing_is_said(
    done: int, total: int, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A download that met no server: 0/0 MB."""
    with progress.bar("net.pth", 0, "MB") as bar:
        bar.to(done, total, "")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == lines
    assert all(f"net.pth: {done}/{total} MB in 00:00" in line for line in said)


@pytest.mark.parametrize("kind", ["dumb", "unknown", ""])
def test_a_terminal_that_draws_nothing_anew_gets_the_same_lines(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch, TERM=kind)
    with progress.bar("x3d", 8, "video"):
        progress.say("said")
    progress.note("noted")
    progress.tell("for a person who watches")
    assert re.fullmatch(rf"{TIME} said\n{TIME} x3d: 0/8 videos in 00:00\n{TIME} noted\n", terminal.getvalue())


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


def test_work_goes_on_where_the_terminal_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    with progress.bar("x3d", 2, "video") as bar:
        assert terminal.shows("0/2")
        terminal.write = Gone().write  # type: ignore[method-assign]
        bar.advance()
        progress.say("something")
        time.sleep(0.3)  # it is drawn in between
    assert bar.done == 1
