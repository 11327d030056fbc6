"""laff.log: what a run says, with its time, and what ended it; never in the way of the work."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from pipeline import progress
from pipeline.errors import LaffError
from pipeline.store.log import logged
from pipeline.store.workspace import Workspace

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d "


def lines(path: Path) -> list[str]:
    """Its lines, each with a time, without it."""
    said = path.read_text(encoding="utf-8").splitlines()
    assert all(re.match(TIME, line) for line in said)
    return [re.sub(f"^{TIME}", "", line) for line in said]


def test_all_that_is_said_is_kept_below_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest's own handlers would put this letter into a report, which cannot hold it.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(progress.LOG, "handlers", [])
    path = tmp_path / "laff.log"
    with logged(path):
        progress.say("first")
        with progress.bar("x3d", 2, "video") as bar:
            bar.advance(2, "v1")
        progress.note("x3d: 1 made in 0.0 s")
    progress.say("not said to it")
    with logged(path):
        progress.LOG.info("caf\udce9 → second")  # not said: no more can a report hold what is
    assert lines(path) == [
        *("first", "x3d: 2/2 videos in 00:00, v1", "x3d: 1 made in 0.0 s"),
        "caf\\udce9 → second",
    ]


@pytest.mark.parametrize(
    ("error", "last"),
    [
        (LaffError("v1 is gone"), "ended: v1 is gone"),
        (OSError(28, "No space left on device", "a.h5"), "ended: [Errno 28] No space left on device: 'a.h5'"),
        (KeyboardInterrupt(), "ended: interrupted"),
    ],
)
def test_what_ended_the_work_is_kept(tmp_path: Path, error: BaseException, last: str) -> None:
    with pytest.raises(type(error)), logged(tmp_path / "laff.log"):
        raise error
    assert lines(tmp_path / "laff.log") == [last]


def test_a_mistake_of_ours_is_kept_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), logged(tmp_path / "laff.log"):
        raise ZeroDivisionError("of ours")
    said = (tmp_path / "laff.log").read_text()
    assert "Traceback" in said
    assert said.endswith("ZeroDivisionError: of ours\n")


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("of somebody else")
    (tmp_path / "laff.log").symlink_to(tmp_path / "other")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "laff.log", tmp_path / "folder", tmp_path / "none" / "laff.log", Path("/dev/full")):
        with logged(path):
            progress.say("said all the same")
    assert (tmp_path / "other").read_text() == "of somebody else"


def test_a_workspace_has_one(tmp_path: Path) -> None:
    """It begins with the command, and is not looked at by those who only plan."""
    with Workspace(tmp_path / "WORK").lock():
        progress.say("something")
    command, said = lines(tmp_path / "WORK" / "laff.log")
    assert command.startswith("laff ")
    assert said == "something"
