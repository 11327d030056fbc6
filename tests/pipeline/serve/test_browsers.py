"""Which files browsers play, told of files that PyAV writes."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from pipeline.serve import browsers, kinds, making
from pipeline.serve.moments import Window
from tests.pipeline.serve.films import film

PLAYED = [
    ("a.mp4", "libx264", "yuv420p"),
    ("a.mov", "libx264", "yuv420p"),
    ("a.m4v", "libx264", "yuvj420p"),
    ("a.webm", "libvpx", "yuv420p"),
    ("a.webm", "libvpx-vp9", "yuv420p"),
]
NOT_PLAYED = [
    ("a.mp4", "libx265", "yuv420p"),
    ("a.mp4", "libx264", "yuv420p10le"),
    ("a.mp4", "libx264", "yuv444p"),
    ("a.mp4", "libx264", "yuv422p"),
    ("a.mp4", "mpeg4", "yuv420p"),
    ("a.mkv", "libx264", "yuv420p"),
    ("a.avi", "libx264", "yuv420p"),
    ("a.avi", "mpeg4", "yuv420p"),
    ("a.mpg", "mpeg2video", "yuv420p"),
    ("a.ts", "libx264", "yuv420p"),
    ("a.mov", "prores_ks", "yuv422p10le"),
    ("a.flv", "flv1", "yuv420p"),
    ("a.wmv", "wmv2", "yuv420p"),
    ("a.gif", "gif", "rgb8"),
    ("a.MP4.bin", "libx264", "yuv420p"),  # an MP4 by its bytes, of which no browser is told
]


def written(folder: Path, name: str, codec: str, pixels: str) -> Path:
    try:
        av.codec.Codec(codec, "w")
    except ValueError:
        pytest.skip(f"PyAV has no {codec} here")
    path = film(folder / name.removesuffix(".bin"), codec, pixels, seconds=1)
    return path.rename(folder / name)


@pytest.mark.parametrize(("name", "codec", "pixels"), PLAYED)
def test_files_that_play(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    path = str(written(tmp_path, name, codec, pixels))
    kind = kinds.kind(path)
    assert browsers.may_play(path, kind.codec, kind.container)
    assert browsers.plays(path, kind)
    assert browsers.content_type(path) in ("video/mp4", "video/webm")


@pytest.mark.parametrize(("name", "codec", "pixels"), NOT_PLAYED)
def test_files_that_do_not_play_become_clips_that_do(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    path = str(written(tmp_path, name, codec, pixels))
    assert not browsers.plays(path, kinds.kind(path))
    [clip] = making.clip(Window(path))
    made = tmp_path / f"made.{making.encoder()[1]}"
    made.write_bytes(clip)
    assert browsers.plays(str(made), kinds.kind(str(made)))


def test_a_sound_that_browsers_lack() -> None:
    kind = kinds.Kind("mov,mp4,m4a,3gp,3g2,mj2", "h264", "High", "yuv420p", ("aac",))
    assert browsers.plays("a.mp4", kind)
    assert not browsers.plays("a.mp4", kinds.Kind(kind.container, kind.codec, kind.profile, kind.pixels, ("ac3",)))
