"""What a run runs on: read from the system's own files."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from pipeline.store import machine


def test_versions_are_those_installed() -> None:
    versions = machine.versions()
    assert versions["torch"] == version("torch")
    assert versions["laff"] == version("laff")
    assert list(versions)[:2] == ["laff", "python"]


def test_the_name_of_the_cpu(tmp_path: Path) -> None:
    described = tmp_path / "cpuinfo"
    described.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n\nprocessor\t: 1\nmodel name\t: Other\n")
    assert machine._cpu(described) == "Some CPU @ 2 GHz"
    assert machine._cpu(tmp_path / "none")  # whatever the system calls it


def test_elsewhere_a_command_tells_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CPU", ("echo", "Apple M4"))
    assert machine._cpu(tmp_path / "none") == "Apple M4"
    monkeypatch.setattr(machine, "CPU", (str(tmp_path / "no such command"),))
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert machine._cpu(tmp_path / "none") == "unknown"


def test_no_gpu_without_its_device(tmp_path: Path) -> None:
    assert machine._gpus(tmp_path) == ()


def test_the_commit_of_a_checkout(tmp_path: Path) -> None:
    assert machine.commit(tmp_path) == ""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "file").write_text("one")
    for words in (["init", "-q"], ["add", "file"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    machine.commit.cache_clear()
    assert machine.commit(tmp_path) == head[:12]
    (tmp_path / "file").write_text("two")
    machine.commit.cache_clear()
    assert machine.commit(tmp_path) == f"{head[:12]}-dirty"
