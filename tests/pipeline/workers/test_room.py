"""Cores and free memory: those of the machine, or of the container where that has less."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.workers import room


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(room, "CGROUP", tmp_path)
    monkeypatch.setattr(room, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)
    (tmp_path / "meminfo").write_text("MemTotal:       9000 kB\nMemAvailable:   3000 kB\n")
    return tmp_path


def test_without_limits_all_is_free(container: Path) -> None:
    assert room.cores() == 16
    assert room.memory() == 3000 * 1024
    (container / "cpu.max").write_text("max 100000\n")
    (container / "memory.max").write_text("max\n")
    assert (room.cores(), room.memory()) == (16, 3000 * 1024)


@pytest.mark.parametrize(("quota", "cores"), [("250000 100000", 2), ("50000 100000", 1), ("9900000 100000", 16)])
def test_a_container_has_a_share_of_the_cores(container: Path, quota: str, cores: int) -> None:
    (container / "cpu.max").write_text(quota)
    assert room.cores() == cores


def test_a_container_has_the_memory_that_it_may_still_take(container: Path) -> None:
    (container / "memory.max").write_text("2000000\n")
    (container / "memory.current").write_text("500000\n")
    assert room.memory() == 1_500_000
    (container / "memory.current").write_text("2100000\n")
    assert room.memory() == 0


def test_a_system_that_tells_nothing_has_half_of_its_memory(container: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (container / "meminfo").unlink()
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 100, "SC_PAGE_SIZE": 4096}.__getitem__)
    assert room.memory() == 50 * 4096
