"""An upgrade, as a person meets it: code changes, `laff plan` names the files, `laff accept` keeps what was made."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.parts.code import ROOMS, ROOT

CHANGED = "pipeline/video/positions.py"
VISUAL = ("decode", "finetune", "clip-ft", "x3d")


@pytest.fixture
def upgraded(tmp_path: Path) -> Path:
    """The project with one more line in a file that computes."""
    copy = tmp_path / "project"
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "cli.py", copy)
    with (copy / CHANGED).open("a", encoding="utf-8") as file:
        file.write("\nPLANTED = 0\n")
    return copy


def test_what_earlier_code_made_is_kept(ran: Any, upgraded: Path, tmp_path: Path, contents: Any) -> None:
    made = ran.copy(tmp_path / "made")

    def laff(verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(upgraded / "cli.py"), verb, *words, *made.options()]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=240, check=False)

    follow = {"gru", "train", "rank"}  # without code of their own that has changed
    told = next(line for line in laff("plan").stdout.splitlines() if line.startswith("stale only because code changed"))
    what, _, names = told.partition("; ")[0].partition(": ")
    assert what == f"stale only because code changed ({CHANGED})"
    assert {*VISUAL, *follow} <= set(names.split(", ")) <= {*VISUAL, *follow, "evaluate", "report"}
    before, files = contents(made.work), made.state()
    kept = laff("accept", *VISUAL)
    assert kept.returncode == 0, kept.stderr
    assert {line.split()[0] for line in kept.stdout.splitlines() if " kept, made " in line} == {*VISUAL, *follow}
    assert "evaluate         1 made" in kept.stdout
    assert laff("run").stdout.startswith("nothing to do: everything is cached")
    rewritten = {name for name, state in made.state().items() if files.get(name) != state}
    noted = {f"{name}/index.jsonl" for name in (*VISUAL, "gru", "train", "rank", "evaluate", "report")}
    told_of = {"evaluate/metrics.json", "evaluate/t2v.csv", "evaluate/v2t.csv", "report/index.html"}
    assert rewritten <= noted | told_of | {"times.jsonl", "digests.json"}
    after = contents(made.work)
    figures, then = (json.loads(found.pop("evaluate/metrics.json")) for found in (after, before))
    assert figures.pop("earlier_code") == {name: ["pipeline.video.positions"] for name in {*VISUAL, *follow}}
    assert figures == then
    assert after == before
    assert "made by earlier code of pipeline.video.positions (decode)" in (made.work / "report/index.html").read_text()
    hits = laff("search", "a red square moves to the left")
    assert hits.returncode == 0, hits.stderr


def test_a_changed_param_is_refused(ran: Any, upgraded: Path, tmp_path: Path) -> None:
    made = ran.copy(tmp_path / "made")
    before = made.state()
    command = [sys.executable, str(upgraded / "cli.py"), "accept", "x3d", *made.options("x3d.frames=5")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert done.returncode == 1
    assert "'x3d': only changed code can be accepted, but here it says: frames 4 → 5; code of" in done.stderr
    assert made.state() == before
