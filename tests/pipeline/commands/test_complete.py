"""What a shell completes, by click's own means, and how it is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

import cli

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """complete("plan", "tr"): what the last word may become, in a folder without a workspace."""
    monkeypatch.chdir(tmp_path)

    def words(*typed: str) -> list[str]:
        items = ShellComplete(cli.main, {}, "laff", "_LAFF_COMPLETE").get_completions(list(typed[:-1]), typed[-1])
        return [item.value for item in items if item.type == "plain"]

    return words


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace with two models, a run beside the first, and a feature of both sides."""
    folder = tmp_path / "a work"
    for name in ("train/laff/seed1", "train/concat/seed2", "runs/heads4/train/laff/seed1", "clip-ft/text", "x3d"):
        (folder / name).mkdir(parents=True)
    (folder / "rank" / "laff").mkdir(parents=True)
    (folder / "run.yaml").write_text("collection: c.yaml\nrun: main\n")
    return folder


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["nothing-like-it"], []),
        (["pla"], ["plan"]),
        (["x3"], ["x3d"]),  # a stage is a command
        (["plan", "eva"], ["evaluate"]),
        (["run", "--prof"], ["--profile"]),
        (["run", "--profile", "s"], ["small"]),
        (["run", "--set", "cl"], ["clip-ft.", "clip.", "clip-ft-frames."]),
        (["run", "--set", "x3d.frame"], ["x3d.frames=null"]),
        (["run", "--set", "finet.nothing"], []),
        (["compare", "s"], ["systems"]),
        (["plan", "--grid", "b"], ["blocks"]),
        (["score", "a.trec", "--facets", "t"], ["tv20"]),
        (["score", "a.trec", "--fuse", "r"], ["rrf"]),
        (["prepare", "msr"], ["msrvtt"]),
        (["reproduce", "tab-9"], ["tab-9"]),
        (["weights", "list", "x3d-l-k400-s"], ["x3d-l-k400-slowfast"]),
        (["index", "Videos", "--feature", "co"], ["conse"]),
        (["export", "x3d", "--format", "np"], ["npy", "npz"]),
        (["search", "a dog", "--split", "t"], ["train", "test"]),
        (["completion", "z"], ["zsh"]),
    ],
)
def test_names_that_laff_knows(complete: Complete, typed: list[str], expected: list[str]) -> None:
    assert sorted(complete(*typed)) == sorted(expected)


def test_names_of_a_workspace(complete: Complete, work: Path) -> None:
    where = ("-w", str(work))
    assert complete("search", "a", *where, "--name", "") == ["main", "heads4"]
    assert complete("search", "a", *where, "--model", "") == ["concat", "laff", "clip-ft", "concat/seed2", "laff/seed1"]
    assert complete("search", "a", *where, "--name", "heads4", "--model", "l") == ["laff", "laff/seed1"]
    assert complete("analyze", "queries", *where, "l") == ["laff"]
    assert complete("export", *where, "x") == ["x3d"]
    assert complete("export", *where, "t") == []


def test_settings_have_the_values_that_a_run_of_the_workspace_would_have(complete: Complete, work: Path) -> None:
    """What is typed is before what the workspace remembers, and that before the profile and the stages file."""
    (work / "run.yaml").write_text("collection: c.yaml\nrun: main\nprofile: small\nset: ['train.seeds=[1,2,3]']\n")
    run = ("run", "-w", str(work))
    assert complete(*run, "--set", "train.see") == ["train.seeds=[1, 2, 3]"]
    assert complete(*run, "--set", "train.seeds=[4]", "--set", "train.see") == ["train.seeds=[4]"]
    assert complete(*run, "--set", "gru.fit.epo") == ["gru.fit.epochs=15"]  # of the profile
    assert complete(*run, "--profile", "", "--set", "x3d.frame") == ["x3d.frames=null"]


def test_a_broken_stages_file_completes_nothing_and_says_nothing(
    complete: Complete, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stages.yaml").write_text("stages: [")
    assert complete("run", "--set", "x3d.") == []
    assert complete("run", "--profile", "") == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_told_how_to_install_it(shell: str) -> None:
    script = CliRunner().invoke(cli.main, ["completion", shell]).output
    assert f"# To install: laff completion {shell} > ~/" in script
    assert f"_LAFF_COMPLETE={shell}_complete" in script
    assert script.startswith("#compdef laff\n") == (shell == "zsh")  # zsh looks for it in the first line
