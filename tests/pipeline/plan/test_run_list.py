"""The runs of a workspace, as `laff runs` lists them."""

import json
import os
import shlex
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pipeline.graph.stages_file import shipped
from pipeline.plan import repeating, run_list
from pipeline.plan.run_list import Run
from pipeline.store import circumstances, memory
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
    first = {"models": {"laff": {"t2v": {"R@1": spread, "seed_numbers": [1, 2]}}}}
    other = {"models": {"laff": {"t2v": {"R@1": spread | {"mean": 20.0}}}}}
    known = Memory(tmp_path, None, run="b", differs=("heads 8 → 4",))
    runs = [Run("main", tmp_path, None, True, first, "today"), Run("b", tmp_path, known, False, other, "today")]
    assert r"main * &  & today & laff & 1, 2 & \textbf{25.0} \\" in run_list.table(runs, "latex")
    assert r"b & heads 8 $\to$ 4 & today & laff &  & 20.0 \\" in run_list.table(runs, "latex")
    assert r"| main \* |  | today | laff | 1, 2 | **25.0** |" in run_list.table(runs, "markdown")
    assert run_list.table(runs, "csv").splitlines()[0].endswith("model,seeds,R@1 mean,R@1 std")


def test_the_state_of_a_run_says_how_far_it_has_come(tmp_path: Path) -> None:
    """Nothing yet; two models; evaluated; and evaluated, but begun again and cut off."""
    memory.write(tmp_path, Memory(tmp_path / "c.yaml"))

    def state() -> str:
        (run,) = run_list.listed(tmp_path)
        assert run.summary()["state"] == run.state
        return run.state

    assert state() == "not yet, nothing trained"
    train = Index(tmp_path / "train")
    for key in ("laff/seed1", "laff/seed2"):
        train.record(key, Entry("f", "c", {}), {})
    assert state() == "not yet, 2 models trained"
    (tmp_path / "evaluate").mkdir()
    (tmp_path / "evaluate" / "metrics.json").write_text(json.dumps({"models": {"laff": {"t2v": {}}}}))
    index = Index(tmp_path / "evaluate")
    index.record("evaluate", Entry("f", "c", {}), {})
    when = run_list.local(index.entries["evaluate"].time)
    assert state() == when
    begun = replace(circumstances.now("laff run"), time="2026-01-02T03:04:05+00:00")
    circumstances.write(tmp_path, "main", begun)
    assert state() == f"{when}; begun {run_list.local(begun.time)}, not ended"
    circumstances.write(tmp_path, "main", replace(begun, seconds=1.0))
    assert state() == when


def test_the_command_that_repeats_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With full paths and quoted, so that it means the same in any folder, also beside another stages.yaml."""
    folder = tmp_path / "it's mine"
    work = folder / "my work"
    (folder / "my stages.yaml").parent.mkdir()
    settings = Memory(folder / "c.yaml", folder / "my stages.yaml", "small", ("train.seeds=[1, 2]",), "few")
    memory.write(work, settings)
    (run,) = run_list.listed(work)
    assert shlex.split(run.command) == [
        *("laff", "run", "-c", str(folder / "c.yaml"), "-w", str(work), "--name", "few"),
        *("--stages", str(folder / "my stages.yaml"), "--profile", "small", "--set", "train.seeds=[1, 2]"),
    ]
    assert run_list.commands([run]).splitlines() == ["# few", run.command]
    assert run_list.commands([run], "python cli.py").splitlines()[1] == f"python cli.py{run.command[4:]}"
    assert run_list.commands([replace(run, command="")]).splitlines()[1].startswith("# its settings")
    plain = Memory(folder / "c.yaml")
    assert "--stages" not in repeating.command(work, plain)
    monkeypatch.chdir(folder)
    (folder / "stages.yaml").write_text("stages: {}")
    assert shlex.split(repeating.command(work, plain))[-2:] == ["--stages", str(shipped())]
    more = repeating.command(work, replace(plain, package=folder / "p"), ["train"], ["mine"], 2, "tcp://a:1")
    assert shlex.split(more)[6:] == [
        *("--package", str(folder / "p"), "--trust", "mine", "--workers", "2", "--scheduler", "tcp://a:1", "train"),
    ]


@pytest.mark.parametrize("damaged", [[], {"models": []}, {"models": {"laff": {}}}, {"models": {"laff": {"t2v": 1}}}])
def test_results_that_evaluate_did_not_write_are_none(tmp_path: Path, damaged: object) -> None:
    (tmp_path / "evaluate").mkdir()
    (tmp_path / "evaluate" / "metrics.json").write_text(json.dumps({"models": {"laff": {"t2v": {}}}}))
    Index(tmp_path / "evaluate").record("evaluate", Entry("f", "c", {}), {})
    assert run_list.listed(tmp_path)[0].model == ("laff", {})
    (tmp_path / "evaluate" / "metrics.json").write_text(json.dumps(damaged))
    memory.write(tmp_path, Memory(tmp_path / "c.yaml"))
    (run,) = run_list.listed(tmp_path)
    assert run.model == ("", {})
    assert run.evaluated == ""
