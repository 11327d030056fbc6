"""The last lines of a terminal: drawn anew where they change, and erased whole, also after a change of its size."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rich.console import ConsoleDimensions

from pipeline.progress.live import Region
from pipeline.progress.picture import Line
from pipeline.progress.stderr import Stderr
from tests.screen import Terminal

Made = Callable[[list[Line]], tuple[Terminal, Region]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)

    def make(lines: list[Line]) -> tuple[Terminal, Region]:
        terminal = Terminal()
        region = Region(Stderr(terminal), lambda columns, rows, ascii_only: [*lines])
        region.auto_refresh = False  # the test draws
        region.console.size = ConsoleDimensions(100, 24)
        region.start()
        return terminal, region

    return make


def test_it_is_drawn_only_where_something_has_changed(made: Made) -> None:
    lines: list[Line] = [[("one", "bold"), (" and a half", "")]]
    terminal, region = made(lines)
    region.refresh()
    assert terminal.text == "one and a half"
    written = len(terminal.getvalue())
    region.refresh()
    assert len(terminal.getvalue()) == written
    lines.append([("two", "")])
    region.refresh()
    assert terminal.text == "one and a half\ntwo"
    del lines[0]
    region.refresh()
    region.stop()
    assert (terminal.text, terminal.column) == ("", 0)


@pytest.mark.parametrize("columns", [99, 60, 33, 32, 20, 7])
def test_what_a_narrower_terminal_has_broken_is_erased(made: Made, columns: int) -> None:
    """Nothing of it is left, and nothing above it is lost."""
    lines: list[Line] = [[("a" * 32, "")], [("b" * 99, "")], [("", "")], [("c" * 33, "")]]
    terminal, region = made(lines)
    region.above("said before")
    region.refresh()
    terminal.narrow(columns)
    region.console.size = ConsoleDimensions(columns, 24)
    lines[:] = [[("short", "")], [("", "")]]
    region.refresh()
    said = [text for text in ["said before"[at : at + columns] for at in range(0, 11, columns)]]
    assert terminal.text.splitlines() == [*(text.rstrip() for text in said), "short"]
    region.stop()
    assert terminal.text.splitlines() == [text.rstrip() for text in said]


def test_wide_letters_are_cut_by_the_columns_that_they_take(made: Made) -> None:
    terminal, region = made([[("視頻" * 60, "")]])
    region.refresh()
    assert terminal.text == "視頻" * 24 + "視 …"  # 49 letters of two columns, a blank, and the ellipsis
    region.stop()
