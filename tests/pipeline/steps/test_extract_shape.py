"""What is known of a feature whose part cannot be made here: the shape of its cached shards."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.rows import shards
from pipeline.steps import extract


def shape(folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> tuple[int, int]:
    def refuse(stage: Any) -> None:
        raise error

    monkeypatch.setattr(extract, "construct", refuse)
    context = SimpleNamespace(work=SimpleNamespace(folder=lambda name: folder / name))
    return extract.shape(context, SimpleNamespace(name="clip"))  # type: ignore[arg-type]


LACKING = ModuleNotFoundError("No module named 'no_such_package'", name="no_such_package.models")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "clip" / "text" / "00000.h5"
    shards.write(path, ["v1#0", "v1#1"], np.zeros((2, 5), np.float32), {})
    return path


def test_a_feature_of_both_sides_has_the_frames_of_its_videos(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At level frame, three of each video; captions, which come first by name, have none."""
    assert shape(tmp_path, monkeypatch, LACKING) == (5, 1)
    path = tmp_path / "clip" / "video" / "00000.h5"
    shards.write(path, ["v1"], np.zeros((1, 3, 5), np.float32), {}, frames=np.array([2]))
    assert shape(tmp_path, monkeypatch, LACKING) == (5, 3)


def test_a_feature_of_one_side_stands_in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModuleNotFoundError):
        shape(tmp_path, monkeypatch, LACKING)
    shards.write(tmp_path / "clip" / "00000.h5", ["v1"], np.zeros((1, 3, 5), np.float32), {}, frames=np.array([2]))
    assert shape(tmp_path, monkeypatch, LACKING) == (5, 3)


def test_a_mistake_in_its_code_is_no_missing_package(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModuleNotFoundError):
        shape(tmp_path, monkeypatch, ModuleNotFoundError("No module named 'numpy.no'", name="numpy.no"))
