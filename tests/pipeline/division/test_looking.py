"""Looks at files by decoder processes: in order, and a file that cannot be read costs itself."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.division import looking, transnet
from pipeline.division.looks import Limits, Look
from pipeline.errors import LaffError
from pipeline.items.windowing import Even, Shots
from pipeline.items.windows import Window
from tests.conftest import Clips


class Brightness:
    """A stand-in for the network: frames that are white are a transition."""

    def transitions(self, pictures: np.ndarray) -> np.ndarray:
        return np.asarray(pictures.mean((1, 2, 3)) > 200, np.float32)


@pytest.fixture
def files(clips: Clips, tmp_path: Path) -> list[str]:
    """Ten dark frames with a white one at 4; no video; twenty dark frames."""
    flash = np.zeros((10, 32, 48, 3), np.uint8)
    flash[4] = 255
    (tmp_path / "b.mp4").write_text("no video")
    return [
        str(clips("a.mp4", flash)),
        str(tmp_path / "b.mp4"),
        str(clips("c.mp4", np.zeros((20, 32, 48, 3), np.uint8))),
    ]


def test_durations(files: list[str]) -> None:
    first, second, third = looking.looks(files, Even(10, 10), Limits())
    assert (first, third) == (Look(seconds=pytest.approx(1.0)), Look(seconds=pytest.approx(2.0)))
    assert second.failed.startswith("cannot be opened")


def test_shots(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transnet, "TransNet", Brightness)
    monkeypatch.setattr(transnet, "check", lambda: None)
    first, second, third = looking.looks(files, Shots(), Limits())
    assert first.shots == (Window(0, 0.5), Window(0.5, 1.0))
    assert second.failed.startswith("cannot be opened")
    assert third.shots == (Window(0, 2.0),)


def test_a_look_has_limits(files: list[str]) -> None:
    [look] = looking.looks(files[:1], Even(10, 10), Limits(timeout=60, memory=0.001))
    assert look.failed == "needed more memory than 0.001 GiB"


def test_without_its_package_nothing_is_begun(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transnet, "PACKAGE", "no-such-package-of-shots")
    with pytest.raises(LaffError, match="needs the package no-such-package-of-shots"):
        next(looking.looks(files, Shots(), Limits()))
    with pytest.raises(LaffError, match="pip install"):
        looking.check(Shots())
    looking.check(Even(1, 1))
