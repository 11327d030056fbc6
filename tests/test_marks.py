"""Tests that need a GPU are found by `pytest -m gpu` in files test_gpu….py: they ask for it by the fixture alone."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parent


def test_a_test_that_needs_a_gpu_is_refused_elsewhere(request: pytest.FixtureRequest) -> None:
    conftest = request.config.pluginmanager.get_plugin(str(ROOT / "conftest.py"))
    files = ("test_gpu_step.py", "test_step.py", "test_step.py")
    fixtures = (["gpu"], ["hold", "gpu"], ["tmp_path"])
    items = [
        SimpleNamespace(nodeid=str(number), path=Path(file), fixturenames=names)
        for number, (file, names) in enumerate(zip(files, fixtures, strict=True))
    ]
    assert conftest.misplaced(items) == ["1"]


def test_no_test_is_skipped_for_want_of_a_gpu_in_another_way() -> None:
    by_mark = re.compile(r"skipif\([^)]*\bcuda\b")
    assert [path.name for path in ROOT.rglob("*.py") if by_mark.search(path.read_text(encoding="utf-8"))] == []
