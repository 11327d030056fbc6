"""`--package` on the command line: what goes with it, and what it is remembered as."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from tests.pipeline.kept import Small


@pytest.fixture
def applied(small: Small, tmp_path: Path) -> list[str]:
    """The command line that has applied a package, without its verb."""
    out = small.pack(tmp_path / "OUT")
    sets = [word for name in ("one", "other") for word in ("--set", f"{name}.file={small.folder / name}.npz")]
    words = ["-c", str(small.folder / "c.yaml"), "-w", str(tmp_path / "away"), "--package", str(out), *sets]
    assert said(0, "run", *words)
    return words


def said(status: int, *words: str) -> str:
    result = CliRunner().invoke(cli.main, list(words))
    assert result.exit_code == status, result.output
    return result.output


def test_neither_a_profile_nor_another_stages_file_goes_with_a_package(small: Small, applied: list[str]) -> None:
    """Whether the package is named, or the workspace remembers it."""
    work = applied[2:4]
    for words in (applied, work):
        assert "so no --profile fits" in said(2, "plan", *words, "--profile", "small")
        assert "so no --stages fits" in said(2, "plan", *words, "--stages", str(small.folder / "stages.yaml"))


def test_the_workspace_remembers_the_package_and_its_stages_are_commands(applied: list[str]) -> None:
    work = applied[2:4]
    output = said(0, "plan", *work)
    assert [line.split()[1] for line in output.splitlines() if " holds it" in line] == ["bow", "train"]
    assert "nothing to do" in said(0, "other", *work)  # no stage of the shipped stages file
    assert len(said(0, "search", "red circle", *work, "-k", "2").splitlines()) == 2
    assert "the package fixes" in said(1, "run", *work, "--set", "train.width=8")


def test_packaging_says_what_it_made(small: Small, tmp_path: Path) -> None:
    words = ["-c", str(small.folder / "c.yaml"), "--stages", str(small.folder / "stages.yaml"), "-w", str(small.work)]
    output = said(0, "package", str(tmp_path / "OUT"), "--model", "concat", *words)
    assert f"{tmp_path / 'OUT'}: concat/seed1 (" in output
    assert f"laff run -c collection.yaml -w AWAY --package {tmp_path / 'OUT'}" in output
    assert "is a package already; --yes replaces it" in said(1, "package", str(tmp_path / "OUT"), *words)
    assert "laff/seed1" in said(0, "package", str(tmp_path / "OUT"), "--yes", *words)
