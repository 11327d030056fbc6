"""A workspace remembers its last run; runs stand side by side; nobody loses a feature unasked."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import cli
from pipeline.store import memory

Laff = Callable[..., Result]


@pytest.fixture
def laff() -> Laff:
    """`laff(words)` in this process; nobody sits at a terminal."""
    return lambda *words, **more: CliRunner().invoke(cli.main, [str(word) for word in words], **more)


@pytest.fixture
def used(ran: Any, tmp_path: Path) -> Any:
    """The tiny collection with everything run, to be changed."""
    return ran.copy(tmp_path / "used")


@pytest.fixture
def remembered(ran: Any, used: Any) -> Any:
    """The same, where the workspace was not copied alone: what it remembers leads to this copy."""
    remembered_run = memory.read(ran.work)
    assert remembered_run is not None
    memory.write(used.work, replace(remembered_run, collection=used.collection, stages=used.stages))
    return used


def features(workspace: Any) -> dict[str, Any]:
    return {name: state for name, state in workspace.state().items() if name.endswith(".h5") and "rank" not in name}


def test_the_workspace_alone_says_everything(remembered: Any, laff: Laff) -> None:
    result = laff("run", "-w", remembered.work)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("nothing to do")
    for words in (
        ["plan"],
        ["search", "a red circle", "-k", "2"],
        ["gc"],
        ["analyze", "weights"],
        ["ingest"],
    ):
        result = laff(*words, "-w", remembered.work)
        assert result.exit_code == 0, result.output
    assert json.loads(laff("plan", "-w", remembered.work, "--json").output)[0]["stale"] == 0


def test_a_forgotten_profile_replaces_nothing(remembered: Any, laff: Laff) -> None:
    before = remembered.state()
    options = ["-c", remembered.collection, "-w", remembered.work, "--stages", remembered.stages]
    options += ["--set", "train.from=[x3d, bow]", "--set", "rank.pairs={}", "--set", "x3d.weights=random"]
    result = laff("run", *options)
    assert result.exit_code == 1
    assert "this run would replace finished results:" in result.output
    assert "- x3d: 22 rows in 3 files" in result.output
    assert "run main was given --profile small" in result.output
    assert "give --yes to replace them" in result.output
    assert remembered.state() == before
    assert "`laff run` asks first: it would replace" in laff("plan", *options).output


def test_one_is_asked_at_a_terminal(remembered: Any, laff: Laff, monkeypatch: pytest.MonkeyPatch) -> None:
    before = features(remembered)
    monkeypatch.setattr("pipeline.commands.terminal.has_person", lambda: True)
    words = ["x3d", "-w", remembered.work, "--set", "x3d.frames=5"]
    refused = laff(*words, input="n\n")
    assert refused.exit_code == 1
    assert "- x3d: 22 rows in 3 files" in refused.output
    assert features(remembered) == before
    agreed = laff(*words, input="y\n")
    assert agreed.exit_code == 0, agreed.output
    assert features(remembered)["x3d/00000.h5"] != before["x3d/00000.h5"]


def test_yes_is_for_scripts_and_what_was_agreed_goes_on(
    remembered: Any, laff: Laff, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.steps import extract

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    words = ["x3d", "-w", remembered.work, "--set", "x3d.frames=5"]
    with monkeypatch.context() as patched:
        patched.setattr(extract, "run_together", stop)
        assert laff(*words, "--yes").exit_code != 0
    result = laff(*words)  # it was agreed to, and is not asked again
    assert result.exit_code == 0, result.output
    known = memory.read(remembered.work)
    assert known is not None
    assert known.replacing == {}  # done: nobody has agreed to anything later
    assert laff("x3d", "-w", remembered.work, "--set", "x3d.frames=4").exit_code == 1


def test_a_training_that_was_cut_off_goes_on_in_its_run(
    remembered: Any, laff: Laff, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.steps import train

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(train, "run", stop)
        assert laff("train", "-w", remembered.work, "--set", "train.heads=4").exit_code != 0
    assert laff("x3d", "-w", remembered.work).exit_code == 0  # makes nothing of a run, and names none
    result = laff("evaluate", "-w", remembered.work)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (remembered.work / "runs").iterdir()) == ["heads4", "main"]
    assert (remembered.work / "runs" / "heads4" / "evaluate" / "metrics.json").is_file()


def test_another_collection_is_asked_about(remembered: Any, laff: Laff) -> None:
    before = remembered.state()
    folder = remembered.folder / "other"
    shutil.copytree(remembered.collection.parent, folder)
    for file in [*folder.glob("*.txt")]:
        file.write_text(file.read_text(encoding="utf-8").replace("demo", "film"), encoding="utf-8")
    for file in [*(folder / "videos").iterdir()]:
        file.rename(file.with_name(file.name.replace("demo", "film")))
    options = [
        str(folder / "collection.yaml") if word == str(remembered.collection) else word for word in remembered.options()
    ]
    result = laff("run", *options)
    assert result.exit_code == 1
    assert f"22 of the 22 videos are not in {folder}/collection.yaml" in result.output
    assert remembered.state() == before


def test_both_trainings_are_there(remembered: Any, laff: Laff) -> None:
    before = remembered.state()
    result = laff("evaluate", "-w", remembered.work, "--set", "train.heads=4")
    assert result.exit_code == 0, result.output
    assert f"{remembered.work}/runs/heads4/evaluate/metrics.json" in result.output
    after = remembered.state()
    assert {name for name in before if after.get(name) != before[name]} <= {"run.yaml", "times.jsonl"}

    listed = laff("runs", "-w", remembered.work).output.splitlines()
    assert [line.split()[0] for line in listed[2:4]] == ["main", "heads4"]
    assert "heads 2 → 4" in listed[3]
    runs = json.loads(laff("runs", "-w", remembered.work, "--json").output)
    assert [(run["name"], run["last"], run["differs"]) for run in runs] == [
        ("main", False, []),
        ("heads4", True, ["heads 2 → 4"]),
    ]
    assert all(run["t2v"]["R@1"]["seeds"] for run in runs)
    noted = runs[1]["circumstances"]
    assert noted["stages"] == ["train", "vectors", "rank", "evaluate"]
    assert noted["seconds"] > 0
    assert "--name heads4" in noted["command"]
    assert noted["command"].endswith(" evaluate")  # what was asked for
    assert shlex.split(runs[1]["command"])[-2:] == ["--set", "train.heads=4"]
    made = shlex.split(laff("runs", "-w", remembered.work, "--commands").output.splitlines()[3])
    plan = laff("plan", *made[2:], "--json")
    assert {name for stage in json.loads(plan.output) if stage["missing"] for name in [stage["stage"]]} == {"report"}

    answers = {
        name: laff("search", "a red circle", "-w", remembered.work, *(["--name", name] if name else [])).output
        for name in ("", "heads4", "main")
    }
    assert answers[""] == answers["heads4"] != answers["main"]
    assert laff("run", "-w", remembered.work, "--name", "main").output.startswith("nothing to do")
    assert laff("gc", "-w", remembered.work, "--yes").exit_code == 0
    assert set(features(remembered)) == {name for name in after if name.endswith(".h5") and "rank" not in name}
    assert (remembered.work / "runs" / "heads4" / "train" / "laff" / "seed1" / "best.pt").is_file()
    assert laff("verify", "-w", remembered.work).exit_code == 0


def test_a_chosen_name(remembered: Any, laff: Laff) -> None:
    assert laff("train", "-w", remembered.work, "--set", "train.seeds=[1]", "--name", "again").exit_code == 0
    kept = remembered.work / "runs" / "again" / "train" / "laff" / "seed1" / "best.pt"
    twin = remembered.work / "train" / "laff" / "seed1" / "best.pt"
    assert kept.samefile(twin)  # trained alike: taken over
    result = laff("train", "-w", remembered.work, "--name", "again", "--set", "train.lr=0.1")
    assert result.exit_code == 1
    assert "has other settings (lr 0.0003 → 0.1)" in result.output


def test_a_workspace_that_remembers_nothing(tmp_path: Path, laff: Laff) -> None:
    result = laff("run", "-w", tmp_path / "none")
    assert result.exit_code == 2
    assert f"{tmp_path / 'none'} remembers no run: give -c FILE" in result.output
    assert laff("runs", "-w", tmp_path).output == f"no run yet: laff run -c collection.yaml -w {tmp_path}\n"
    assert laff("runs", "-c", tmp_path / "c.yaml", "-w", tmp_path).output.startswith("no run yet")  # as in a script
    result = laff("runs", "-w", tmp_path / "none")
    assert result.exit_code == 1
    assert "no such workspace" in result.output
