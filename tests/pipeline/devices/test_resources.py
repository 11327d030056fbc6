"""Cores and memory of this machine, also where the system does not say them as Linux does."""

from __future__ import annotations

import os

import pytest

from pipeline.devices import resources


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
