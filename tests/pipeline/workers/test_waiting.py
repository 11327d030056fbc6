"""What the environment tells torch's threads, and that what a user has set stays."""

from __future__ import annotations

import os

import pytest

from pipeline.workers import waiting


@pytest.mark.parametrize(
    ("given", "then"),
    [
        ({}, {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "10000"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
        ({"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "7"}),
    ],
)
def test_what_is_set_stays(given: dict[str, str], then: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(given))
    waiting.settle()
    assert os.environ == then
