"""Cores and memory of this machine or container, also where the system does not say them as Linux does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.devices import resources


@pytest.fixture(autouse=True)
def no_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "CGROUP", tmp_path)


def test_cores_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
    assert resources.cores() == 3


def test_elsewhere_cores_are_those_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert resources.cores() == 12
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert resources.cores() == 1


def test_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 16384}  # pages of a Mac
    monkeypatch.setattr(os, "sysconf", told.__getitem__)
    assert resources.memory() == 16_384_000

    def unknown(name: str) -> int:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "sysconf", unknown)
    assert resources.memory() == 8 << 30


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(resources, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)
    (tmp_path / "meminfo").write_text("MemTotal:       9000 kB\nMemAvailable:   3000 kB\n")
    return tmp_path


def test_without_limits_all_is_free(container: Path) -> None:
    assert resources.cores() == 16
    assert resources.free_memory() == 3000 * 1024
    (container / "cpu.max").write_text("max 100000\n")
    (container / "memory.max").write_text("max\n")
    assert (resources.cores(), resources.free_memory()) == (16, 3000 * 1024)


@pytest.mark.parametrize(("quota", "cores"), [("250000 100000", 2), ("50000 100000", 1), ("9900000 100000", 16)])
def test_a_container_has_a_share_of_the_cores(container: Path, quota: str, cores: int) -> None:
    (container / "cpu.max").write_text(quota)
    assert resources.cores() == cores


def test_a_container_has_the_memory_that_it_may_still_take(container: Path) -> None:
    (container / "memory.max").write_text("2000000\n")
    (container / "memory.current").write_text("500000\n")
    assert resources.free_memory() == 1_500_000
    (container / "memory.current").write_text("2100000\n")
    assert resources.free_memory() == 0
    (container / "memory.stat").write_text("anon 400000\nfile 1700000\nactive_file 200000\ninactive_file 1500000\n")
    assert resources.free_memory() == 1_400_000  # what was read from files is given up when it is needed


def test_a_system_that_tells_nothing_has_half_of_its_memory(container: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (container / "meminfo").unlink()
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 100, "SC_PAGE_SIZE": 4096}.__getitem__)
    assert resources.free_memory() == 50 * 4096
