"""Clips and stills of a window: the right moments, upright, small, and only of the file that is named."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from pipeline.serve import making
from pipeline.serve.making import STILLS
from pipeline.serve.moments import SIDE, Window
from pipeline.video.media import VideoError
from tests.conftest import Clips
from tests.pipeline.serve.films import film

LEVELS = 8  # by which compression may change a grey level


def shown(clip: bytes) -> list[tuple[float, np.ndarray]]:
    """The seconds and pixels of a clip's frames."""
    with av.open(io.BytesIO(clip)) as container:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "mpeg4"), ("a.mp4", "libx264"), ("a.mpg", "mpeg2video")])
def test_a_clip_of_a_window_shows_what_is_there(tmp_path: Path, name: str, codec: str) -> None:
    """The film gets brighter evenly: 60 frames of 6 seconds, frame n has the level 255 n / 59."""
    path = str(film(tmp_path / name, codec, seconds=6))
    [clip] = making.clip(Window(path, 4.0, 5.0))
    frames = shown(clip)
    assert len(frames) == pytest.approx(10, abs=1)
    assert frames[0][0] == pytest.approx(0, abs=0.11)
    assert frames[0][1].mean() == pytest.approx(255 * 40 / 59, abs=LEVELS)
    assert frames[-1][1].mean() == pytest.approx(255 * 49 / 59, abs=LEVELS)


def test_stills_are_spread_over_the_window(tmp_path: Path) -> None:
    """Of 2 seconds from second 2 on, still n shows second 2 + 2 (n + 1/2) / 8."""
    path = str(film(tmp_path / "a.mp4", seconds=6))
    stills = [np.asarray(Image.open(io.BytesIO(jpeg))) for jpeg in making.stills(Window(path, 2.0, 4.0))]
    assert len(stills) == STILLS
    for number, still in enumerate(stills):
        frame = int(10 * (2 + 2 * (number + 0.5) / STILLS))
        assert still.mean() == pytest.approx(255 * frame / 59, abs=LEVELS)


def test_stills_of_a_single_frame_are_all_that_frame(clips: Clips) -> None:
    path = clips("a.mp4", np.full((1, 32, 48, 3), 200, np.uint8))
    stills = making.stills(Window(str(path)))
    assert len(stills) == STILLS
    assert len(set(stills)) == 1


def test_a_clip_is_upright_and_small(clips: Clips) -> None:
    """Turned by 90 degrees, 1000 x 400 pixels become 400 x 1000, of which 640 stay: 256 x 640."""
    frames = np.zeros((3, 400, 1000, 3), np.uint8)
    frames[:, :, 500:] = 255
    path = clips("a.mp4", frames, degrees=90)
    [clip] = making.clip(Window(str(path)))
    _, pixels = shown(clip)[0]
    assert pixels.shape == (SIDE, 256, 3)
    top, bottom = pixels[:100].mean(), pixels[-100:].mean()
    assert abs(top - bottom) > 200  # the halves lie above each other now


def test_a_clip_ends_where_it_is_long_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(film(tmp_path / "a.mp4", seconds=6))
    monkeypatch.setattr(making, "MOST_SECONDS", 2.0)
    [clip] = making.clip(Window(path))
    assert shown(clip)[-1][0] == pytest.approx(1.9, abs=0.11)


def test_a_window_behind_the_end_is_told(tmp_path: Path) -> None:
    path = str(film(tmp_path / "a.mp4"))
    for job in (making.clip, making.stills):
        with pytest.raises(VideoError, match="no frame of this part could be decoded"):
            job(Window(path, 50.0, 60.0))


def test_a_playlist_shows_no_other_file(tmp_path: Path) -> None:
    film(tmp_path / "private.ts", seconds=1)
    lines = ("#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1.0,", "private.ts", "#EXT-X-ENDLIST")
    (tmp_path / "a.m3u8").write_text("\n".join(lines))
    with pytest.raises(VideoError):
        making.clip(Window(str(tmp_path / "a.m3u8")))
