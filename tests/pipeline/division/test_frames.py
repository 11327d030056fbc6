"""The small frames that the network of shots sees."""

import subprocess
import sys

import numpy as np
import pytest

from pipeline.division.frames import small_frames
from pipeline.video.media import VideoError
from tests.conftest import ROOT, Clips


def test_frames_and_their_times(clips: Clips) -> None:
    """Red frames, then blue ones, at 10 a second: 54 x 96 pixels squeezed to 27 x 48."""
    frames = np.zeros((12, 54, 96, 3), np.uint8)
    frames[:5, ..., 0] = frames[5:, ..., 2] = 200
    small = small_frames(clips("a.mp4", frames))
    assert small.pictures.shape == (12, 27, 48, 3)
    assert small.pictures.dtype == np.uint8
    np.testing.assert_allclose(small.times, np.arange(12) / 10, atol=1e-9)
    assert small.end == pytest.approx(1.2)
    red = small.pictures.mean((1, 2)).argmax(1) == 0
    assert red.tolist() == [True] * 5 + [False] * 7


def test_a_turned_video_is_seen_upright(clips: Clips) -> None:
    """Stored lying, with the left half bright: upright the bottom or the top is."""
    frames = np.zeros((3, 64, 96, 3), np.uint8)
    frames[:, :, :48] = 220
    [lying] = small_frames(clips("a.mp4", frames[:1])).pictures
    turned = small_frames(clips("b.mp4", frames, degrees=90)).pictures[0]
    assert turned.shape == lying.shape == (27, 48, 3)
    halves = {"top": turned[:13].mean(), "bottom": turned[14:].mean()}
    assert abs(halves["top"] - halves["bottom"]) > 150
    assert abs(turned[:, :24].mean() - turned[:, 24:].mean()) < 10


def test_what_is_no_video(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("v") / "a.mp4"
    path.write_bytes(b"")
    with pytest.raises(VideoError, match="the file is empty"):
        small_frames(path)


def test_decoder_processes_load_no_torch_for_it() -> None:
    code = "import sys, pipeline.division.frames; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
