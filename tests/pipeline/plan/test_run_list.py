"""The runs of a workspace, as `laff runs` lists them."""

import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from pipeline.plan import run_list
from pipeline.plan.run_list import Run
from pipeline.store import memory
from pipeline.store.index import NAME, Entry, Index
from pipeline.store.memory import Memory


def test_when_a_run_was_evaluated_outlives_a_copy(tmp_path: Path):
    """The index says it, not the date of the file."""
    folder = tmp_path / "evaluate"
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps({"models": {}, "coverage": 1.0}))
    index = Index(folder)
    index.record("evaluate", Entry("f", "c", index.made(["metrics.json"])), {})
    os.utime(folder / "metrics.json", (5, 5))
    (run,) = run_list.listed(tmp_path)
    noted = datetime.fromisoformat(index.entries["evaluate"].time)
    assert datetime.strptime(run.evaluated, "%Y-%m-%d %H:%M").astimezone() == noted.replace(second=0)
    (folder / NAME).unlink()
    (run,) = run_list.listed(tmp_path)
    assert run.evaluated == "?"


@pytest.mark.parametrize("remembered", [True, False])
def test_results_are_found_whatever_the_stage_is_called(tmp_path: Path, remembered: bool):
    """By the stages file that the run was given; without its settings by what lies there."""
    stages = tmp_path / "my.yaml"
    stages.write_text("stages: {ingest: {step: ingest}, score: {step: evaluate, from: rank}}")
    work = tmp_path / "WORK"
    memory.write(work, Memory(tmp_path / "c.yaml", stages, run="mine", differs=("heads 8 → 4",)))
    if not remembered:
        memory.path(work, "mine").write_text("- damaged")
    folder = work / "runs" / "mine" / "score"
    folder.mkdir()
    results = {"models": {"laff": {"t2v": {"R@1": 25.0}}}}
    (folder / "metrics.json").write_text(json.dumps(results))
    Index(folder).record("evaluate", Entry("f", "c", {}), {})
    (run,) = run_list.listed(work)
    assert run.model == ("laff", {"R@1": 25.0})
    assert run.evaluated[:3] == "202"
    line = run_list.table([run]).splitlines()[2]
    assert "laff" in line
    assert ("heads 8 → 4" if remembered else "not known") in line


def test_the_table_in_other_formats(tmp_path: Path) -> None:
    """Of two runs, each with its model's figures; a star and an arrow are escaped, and the best is bold."""
    spread = {"mean": 25.0, "std": 0.0, "seeds": [25.0]}
    first = {"models": {"laff": {"t2v": {"R@1": spread}}}}
    other = {"models": {"laff": {"t2v": {"R@1": spread | {"mean": 20.0}}}}}
    known = Memory(tmp_path, None, run="b", differs=("heads 8 → 4",))
    runs = [Run("main", tmp_path, None, True, first, "today"), Run("b", tmp_path, known, False, other, "today")]
    assert r"main * &  & today & laff & \textbf{25.0} \\" in run_list.table(runs, "latex")
    assert r"b & heads 8 $\to$ 4 & today & laff & 20.0 \\" in run_list.table(runs, "latex")
    assert r"| main \* |  | today | laff | **25.0** |" in run_list.table(runs, "markdown")
    assert run_list.table(runs, "csv").splitlines()[0].endswith("model,R@1 mean,R@1 std")
