"""A frame from the middle of a video or window."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.pictures.middle import Where, middle, middles
from tests.conftest import Clips

FRAMES = 40  # of 4 s


@pytest.fixture
def black_first(clips: Clips) -> Path:
    """Two seconds black but for the last frame, then red and blue halves."""
    frames = np.zeros((FRAMES, 64, 64, 3), np.uint8)
    frames[19:, :, :32, 0], frames[19:, :, 32:, 2] = 220, 220
    return clips("a.mp4", frames)


def colours(jpeg: bytes) -> list[list[int]]:
    """Of the middle of the left and the right half."""
    with Image.open(io.BytesIO(jpeg)) as image:
        picture = np.asarray(image)
    return [picture[32, column].tolist() for column in (16, 48)]


def test_the_middle_of_a_video_that_begins_black(black_first: Path) -> None:
    left, right = colours(middle(Where(str(black_first))))
    assert left[0] > 180 > 60 > left[2]
    assert right[2] > 180 > 60 > right[0]


def test_the_middle_of_a_window(black_first: Path) -> None:
    assert middle(Where(str(black_first), 0.0, 1.0)) == b""  # black in its middle, too
    assert middle(Where(str(black_first), 1.0, 4.0))


def test_no_frame_of_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    assert middle(Where(str(tmp_path / "a.mp4"))) == b""
    assert middle(Where(str(tmp_path / "missing.mp4"))) == b""


def test_several_in_processes_of_their_own(black_first: Path, tmp_path: Path) -> None:
    seen, none = middles([Where(str(black_first)), Where(str(tmp_path / "missing.mp4"))], 1)
    assert seen == middle(Where(str(black_first)))
    assert none == b""
    assert middles([], 1) == []
