"""`laff config`: what it prints, of a stages file alone and of a run that a workspace remembers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cli
from pipeline.graph import stages
from pipeline.parts.code import ROOT
from pipeline.store import memory
from pipeline.store.memory import Memory

Laff = Callable[..., Result]


@pytest.fixture
def laff(monkeypatch: pytest.MonkeyPatch) -> Laff:
    monkeypatch.chdir(ROOT)
    return lambda *words: CliRunner().invoke(cli.main, ["config", *map(str, words)])


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace that remembers a run of profile small, and one named few."""
    main = Memory(tmp_path / "collection.yaml", profile="small", sets=("train.seeds=[1, 2]",))
    few = Memory(main.collection, profile="small", sets=("train.heads=4",), run="few")
    for known in (few, main):
        memory.write(tmp_path / "WORK", known)
    return tmp_path / "WORK"


def lines(result: Result) -> dict[str, list[str]]:
    """{setting: its line in words}."""
    assert result.exit_code == 0, result.output
    return {line.split()[0]: line.split() for line in result.output.splitlines() if "." in line.split(" ")[0]}


def test_of_the_stages_file_alone(laff: Laff) -> None:
    result = laff("train", "gru", "--profile", "small")
    settings = lines(result)
    assert result.output.startswith("stages file: stages.yaml, as laff ships it\nprofile: small\nthreads: 2\n")
    assert {name.split(".")[0] for name in settings} == {"train", "gru"}
    assert settings["train.heads"][:2] == ["train.heads", "8"]
    assert settings["train.heads"][2].startswith("stages.yaml:")
    assert " ".join(settings["train.width"][1:4]) == "64 profile small,"
    assert settings["train.dropout"][2].startswith("fusion/block.py:")
    changed = lines(laff("train", "--changed", "--profile", "small"))
    assert "train.dropout" not in changed
    assert "train.width" in changed


def test_of_a_run_that_the_workspace_remembers(laff: Laff, work: Path) -> None:
    result = laff("-w", work, "--set", "train.heads=2", "train")
    settings = lines(result)
    assert f"profile: small, as {work}/run.yaml has it" in result.output
    assert " ".join(settings["train.heads"]) == "train.heads 2 --set train.heads=2"
    seeds = " ".join(settings["train.seeds"])
    assert seeds == f"train.seeds [1, 2] --set train.seeds=[1, 2], as {work}/run.yaml has it"
    named = lines(laff("-w", work, "--name", "few", "train"))
    assert " ".join(named["train.heads"][2:]) == f"--set train.heads=4, as {work}/runs/few/run.yaml has it"


def test_for_programs(laff: Laff, work: Path) -> None:
    content = json.loads(laff("-w", work, "train", "--json").output)
    assert (content["profile"], content["set"], list(content["stages"])) == ("small", ["train.seeds=[1, 2]"], ["train"])
    assert content["stages"]["train"]["seeds"] == {
        "value": [1, 2],
        "kind": "set",
        "from": f"--set train.seeds=[1, 2], as {work}/run.yaml has it",
    }
    assert laff("train", "--format", "csv").output.splitlines()[0] == "setting,value,from"


def test_as_a_stages_file(laff: Laff, work: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(laff("-w", work, "--yaml").output, encoding="utf-8")
    graph = stages.load(file)
    assert (graph.stages["train"].options["seeds"], graph.stages["train"].params["width"]) == ([1, 2], 64)


def test_mistakes(laff: Laff, work: Path) -> None:
    result = laff("trian", "-w", work)
    assert (result.exit_code, "no stage 'trian'; did you mean 'train'?" in result.output) == (1, True)
    assert laff("--yaml", "train").exit_code == 2
