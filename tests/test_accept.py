"""An upgrade, as a person meets it: code changes, `laff plan` names the files, `laff accept` keeps what was made."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.parts.code import ROOMS, ROOT
from tests.forked import Forked

CHANGED = "pipeline/video/positions.py"
VISUAL = ("decode", "finetune", "clip-ft", "x3d")


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    """`laff` of the project with one more line in a file that computes."""
    copy = tmp_path_factory.mktemp("upgraded") / "project"
    for room in ROOMS:  # with byte code, and what is noted of the files beside it
        shutil.copytree(ROOT / room, copy / room)
    shutil.copy(ROOT / "cli.py", copy)
    with (copy / CHANGED).open("a", encoding="utf-8") as file:
        file.write("\nPLANTED = 0\n")
    forked = Forked(copy.parent, copy, heavy=False)
    yield forked
    forked.close()


@pytest.mark.slow
def test_what_earlier_code_made_is_kept_and_nothing_else(
    ran: Any, upgraded: Forked, tmp_path: Path, contents: Any
) -> None:
    workspace = ran.copy(tmp_path / "made")

    def laff(verb: str, *words: str) -> str:
        process = upgraded.laff(verb, *words, *workspace.options(), cwd=tmp_path)
        assert process.wait() == 0, process.said()
        return process.out()

    follow = {"gru", "train", "vectors", "rank"}  # without code of their own that has changed
    message = next(line for line in laff("plan").splitlines() if line.startswith("stale only because code changed"))
    what, _, names = message.partition("; ")[0].partition(": ")
    assert what == f"stale only because code changed ({CHANGED})"
    assert {*VISUAL, *follow} <= set(names.split(", ")) <= {*VISUAL, *follow, "evaluate", "report"}
    before, files = contents(workspace.work), workspace.state()
    refused = upgraded.laff("accept", "x3d", *workspace.options("x3d.frames=5"), cwd=tmp_path)
    assert refused.wait() == 1
    assert "'x3d': only changed code can be accepted, but here it says: frames 4 → 5; code of" in refused.err()
    assert workspace.state() == files
    kept = laff("accept", *VISUAL)
    assert {line.split()[0] for line in kept.splitlines() if "  made by " in line or "  made from " in line} == {
        *VISUAL,
        *follow,
    }
    assert re.search(r"^evaluate +- +is made now: ", kept, re.MULTILINE)
    assert "is still to be made" not in kept
    assert re.search(r"^evaluate +1 ", kept, re.MULTILINE)
    assert laff("run").startswith("nothing to do: everything is cached")
    rewritten = {name for name, state in workspace.state().items() if files.get(name) != state}
    noted = {f"{name}/index.jsonl" for name in (*VISUAL, "gru", "train", "vectors", "rank", "evaluate", "report")}
    told_of = {"evaluate/metrics.json", "evaluate/t2v.csv", "evaluate/v2t.csv"}
    told_of |= {"report/index.html", "report/measured.json"}
    assert rewritten <= noted | told_of | {"times.jsonl", "digests.json"}
    after = contents(workspace.work)
    figures, then = (json.loads(by_name.pop("evaluate/metrics.json")) for by_name in (after, before))
    assert figures.pop("earlier_code") == {name: ["pipeline.video.positions"] for name in {*VISUAL, *follow}}
    assert figures == then
    assert after == before
    assert (
        "made by earlier code of pipeline.video.positions (decode, "
        in (workspace.work / "report/index.html").read_text()
    )
    assert len(laff("search", "a red square moves to the left").splitlines()) == 10
