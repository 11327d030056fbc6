"""The kit of benchmarks/gpu.py without a GPU: parts that fail cost only themselves, and the table says how."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from benchmarks.gpu_parts import process, table
from tests.forked import Forked

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
KEPT = 'from pathlib import Path; import sys; Path(sys.argv[1]).write_text(\'[{"what": "speed", "value": 1}]\'); '


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("gpu")


def run(tmp_path: Path, code: str, limit: float = 30.0) -> dict[str, Any]:
    path = tmp_path / "rows.json"
    return process.run([sys.executable, "-S", "-c", KEPT + code, str(path)], os.environ, limit, path, tmp_path / "log")


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("", "ok"),
        ("sys.exit(3)", "failed with status 3"),
        ("print('why', flush=True); import os; os.abort()", "killed by SIGABRT"),
    ],
)
def test_a_part_ends_somehow_and_what_it_found_is_kept(tmp_path: Path, code: str, ended: str) -> None:
    outcome = run(tmp_path, code)
    assert outcome["ended"] == ended
    assert outcome["rows"] == [{"what": "speed", "value": 1}]
    assert ("why" in outcome.get("log", "")) == ("abort" in code)


def test_a_part_that_hangs_is_stopped_with_its_processes(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import subprocess, time; p = subprocess.Popen(['sleep', '60']); "
        f"Path({str(child)!r}).write_text(str(p.pid)); time.sleep(60)"
    )
    outcome = run(tmp_path, code, 1.0)
    assert outcome["ended"] == "stopped after 1 s"
    assert outcome["rows"]
    stat = Path(f"/proc/{child.read_text()}/stat")
    for _ in range(100):
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("its child lives on")


def test_a_part_without_time_is_not_begun(tmp_path: Path) -> None:
    assert run(tmp_path, "", 0.5)["ended"].startswith("not begun")


def test_the_table_says_what_was_met_missed_and_left_open() -> None:
    rows = [
        {"what": "a step", "value": 2.5, "unit": "ms", "aim": ("<=", 3.0), "met": table.met(2.5, ("<=", 3.0))},
        {"what": "clips", "value": 9.0, "unit": "/s", "aim": (">=", 12.0), "met": table.met(9.0, (">=", 12.0))},
        {"what": "memory", "value": None, "unit": "GiB", "aim": ("<=", 1), "met": None, "note": "no GPU"},
        {"what": "it waits", "value": "yes", "aim": ("=", "no"), "met": table.met("yes", ("=", "no"))},
    ]
    parts = {
        "train": {"ended": "ok", "seconds": 1.0, "rows": rows},
        "oom": {"ended": "killed by SIGKILL", "seconds": 2.0, "rows": [], "log": "Killed\n"},
        "search": {
            "ended": "failed with status 1",
            "seconds": 1.0,
            "rows": [{"what": "best", "value": None, "note": "RuntimeError: no", "failed": True}],
        },
    }
    session = {"command": "gpu.py", "began": "today", "seconds": 3.0, "device": "cuda", "small": False}
    lines = table.text(session | {"carried": ["av-1-py3.whl"], "trouble": "", "parts": parts}).splitlines()
    assert "  a step    2.5 ms (aim <= 3: met)" in lines
    assert "  clips     9 /s (aim >= 12: MISSED)" in lines
    assert "  memory    - (aim <= 1: open) [no GPU]" in lines
    assert "  it waits  yes (aim = no: MISSED)" in lines
    assert "  best  FAILED [RuntimeError: no]" in lines
    assert "  | Killed" in lines
    assert lines[-3:] == [
        "parts that failed: oom (killed by SIGKILL), search (failed with status 1: best)",
        "aims missed: train: clips; train: it waits",
        "aims left open: train: memory",
    ]


def test_parts_are_chosen_by_name(kit: ModuleType) -> None:
    assert kit.chosen("") == list(kit.PARTS)
    assert kit.chosen("oom") == ["about", "oom"]
    assert kit.chosen("backbones")[1:] == [name for name in kit.PARTS if name.startswith("backbones.")]
    assert kit.chosen("backbones.x3d") == ["about", "backbones.x3d"]
    with pytest.raises(SystemExit, match="no part 'oo'"):
        kit.chosen("oo")
    assert sum(kit.PARTS.values()) < 540


def test_only_wheels_of_missing_packages_are_installed(kit: ModuleType, tmp_path: Path) -> None:
    for name in ("numpy-1.0-py3-none-any.whl", "no_such_package-1.0-py3-none-any.whl"):
        (tmp_path / name).touch()
    assert [path.name for path in kit.lacking(tmp_path)] == ["no_such_package-1.0-py3-none-any.whl"]


def test_rows_are_on_the_disk_as_they_come(kit: ModuleType, tmp_path: Path) -> None:
    report = importlib.import_module("gpu_parts.report").Report("cpu", True, tmp_path, tmp_path / "rows.json", 10.0)
    report.row("cosine", 0.5, aim=(">=", 0.9), anywhere=True)
    report.row("speed", 5.0, "clips/s", aim=(">=", 12.0))
    report.gpu_row("memory", 3.0, "GiB")
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [row.get("met") for row in rows] == [False, None, None]
    assert [row["value"] for row in rows] == [0.5, 5.0, None]


@pytest.fixture
def part(kit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """part(run): the status and the rows of a part that does `run`."""
    report = importlib.import_module("gpu_parts.report")

    def done(run: Any) -> tuple[int, list[dict[str, Any]]]:
        monkeypatch.setitem(sys.modules, "gpu_parts.made", SimpleNamespace(run=run))
        path = tmp_path / "rows.json"
        return report.do("made", "cpu", False, tmp_path, path, 10.0), json.loads(path.read_text())

    return done


def test_a_row_that_failed_makes_its_part_fail(part: Any) -> None:
    assert part(lambda report: report.row("speed", 1.0))[0] == 0
    status, rows = part(lambda report: (report.failed("speed", KeyError("x"), (">=", 2)), report.row("more", 1.0)))
    assert status == 1
    assert rows[0] == {
        **{"what": "speed", "value": None, "unit": "", "aim": [">=", 2], "met": None},
        **{"note": "KeyError: 'x'", "failed": True},
    }
    assert rows[1]["what"] == "more"


def test_what_there_was_no_time_for_leaves_its_aim_open(part: Any) -> None:
    status, rows = part(lambda report: report.skipped("speed", (">=", 2)))
    assert (status, rows[0]["aim"], rows[0]["met"]) == (0, [">=", 2], None)


def test_what_travels_is_all_that_the_other_machine_lacks(kit: ModuleType) -> None:
    pytest.importorskip("pytorchvideo", reason="pytorchvideo is not installed here, so nobody knows what it needs")
    wheels = importlib.import_module("wheels")
    carried = set(wheels.carried("3.12"))
    assert carried >= {"av", "open-clip-torch", "pytorchvideo", "tabulate", "portalocker"}
    assert not carried & {"torch", "numpy", "dask", "dataclasses"}


def test_what_travels_imports_nothing_that_is_nowhere(kit: ModuleType, forked: Forked) -> None:
    """The backbones' packages, where there are only those that travel and those that the other machine has."""
    wheels = importlib.import_module("wheels")
    there = {*wheels.carried("3.12"), *wheels.needed(wheels.MACHINE, "3.12")}
    hidden = [
        module
        for module, owners in packages_distributions().items()
        if not there & {wheels.canonicalize_name(owner) for owner in owners}
    ]
    assert {"gensim", "dask"} <= {*hidden}
    wanted = ["pytorchvideo.models.x3d", "pytorchvideo.models.csn", "open_clip", "av"]
    importing = forked.start("hiding:imports", [wanted, hidden])
    assert importing.wait() == 0, importing.said()


def test_wheels_that_are_too_large_are_refused(kit: ModuleType) -> None:
    wheels = importlib.import_module("wheels")
    said = wheels.sizes({"av.whl": 40 * wheels.MIB}, 3 * wheels.MIB, 64)
    assert said.splitlines()[0].endswith("40.00 MiB  av.whl")
    assert said.splitlines()[-1] == "  43.00 MiB  in all, of 64"
    with pytest.raises(SystemExit, match="too much"):
        wheels.sizes({"av.whl": 62 * wheels.MIB}, 3 * wheels.MIB, 64)
