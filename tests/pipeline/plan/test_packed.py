"""A package held against what is here: its files, the code that it was made with, the workspace that it comes to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipeline.errors import LaffError
from pipeline.opening import open_context
from pipeline.package.manifest import NAME
from pipeline.plan import packed
from pipeline.request import recalled
from pipeline.run import run
from pipeline.search.library import Library
from tests.pipeline.kept import Small


def test_a_changed_or_missing_file_is_told_before_anything_is_made(small: Small, tmp_path: Path) -> None:
    out, away = small.pack(tmp_path / "OUT"), tmp_path / "away"
    run(small.applied(out, away), ("vectors",))
    with (out / "learned/bow/best.pt").open("ab") as file:
        file.write(b"x")
    (out / "train/laff/seed1/best.pt").unlink()
    for act in (lambda: run(small.applied(out, away), ()), lambda: Library.open(away)):
        with pytest.raises(LaffError) as caught:
            act()
        assert "learned/bow/best.pt has changed since the package was made" in str(caught.value)
        assert "train/laff/seed1/best.pt is missing" in str(caught.value)


def test_a_moved_package_is_told_and_found_again(small: Small, tmp_path: Path) -> None:
    """Where it is named anew, what was set on it stays."""
    out, away = small.pack(tmp_path / "OUT"), tmp_path / "away"
    run(small.applied(out, away), ())
    out.rename(tmp_path / "moved")
    with pytest.raises(LaffError, match="OUT is not there; where it was moved, give --package"):
        Library.open(away)
    again = recalled(away, package=tmp_path / "moved")
    assert again is not None
    assert run(again, ()).made == {}
    assert len(Library.open(away).search("red circle", 2)) == 2


def test_other_code_is_noted_and_stands_in_the_metrics(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, away = small.pack(tmp_path / "OUT"), tmp_path / "away"
    assert packed.other_code(open_context(small.applied(out, away))) == {}
    content = yaml.safe_load((out / NAME).read_text())
    content["code"]["bow"] = dict.fromkeys(content["code"]["bow"], "0" * 16)
    (out / NAME).write_text(yaml.safe_dump(content))
    run(small.applied(out, away), ())
    assert "package OUT was made by other code than this (extractors/" in capsys.readouterr().err
    metrics = json.loads((away / "evaluate" / "metrics.json").read_text())
    assert "extractors/bow.py" in metrics["earlier_code"]["bow"]
    assert metrics["package"]["name"] == "OUT"


def test_a_workspace_with_trainings_of_its_own_is_left_alone(small: Small, tmp_path: Path) -> None:
    out, changed = small.pack(tmp_path / "OUT"), small.copy(tmp_path / "own")
    before = {path: path.stat().st_mtime_ns for path in changed.work.rglob("*.h5")}
    with pytest.raises(LaffError, match=r"holds what a run made here \(train, .*give the package a workspace"):
        run(changed.applied(out, changed.work), ())
    assert {path: path.stat().st_mtime_ns for path in changed.work.rglob("*.h5")} == before
