"""Still pictures are told, and what moves stays a video, whichever way pictures are stored."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.video import stills
from pipeline.video.media import VideoError
from pipeline.video.reading import probe

FRAMES = [Image.fromarray(np.full((32, 32, 3), 40 * number, np.uint8)) for number in range(4)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.webp", "WebP"), ("a.bmp", "BMP"), ("a.tiff", "TIFF")),
        *(("a.avif", "AVIF"), ("a.jp2", "JPEG 2000"), ("a.tga", "targa"), ("a.ppm", "ppm"), ("a.ico", "png")),
    ],
)
def test_a_still_picture_is_no_video(tmp_path: Path, name: str, kind: str):
    """Also under the name of one; FFmpeg tells those formats that their first bytes do not (by the codec's name)."""
    FRAMES[1].save(tmp_path / name)
    names = [name] if name.endswith((".tga", ".ppm")) else [name, "video.mp4"]  # those two are known by their endings
    for one in names:
        (tmp_path / name).rename(tmp_path / one)
        with pytest.raises(VideoError) as caught:
            probe(tmp_path / one)
        assert str(caught.value) == f"is a still picture ({kind}), not a video"
        (tmp_path / one).rename(tmp_path / name)


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"avif"])
def test_a_picture_that_this_ffmpeg_cannot_decode_is_one_all_the_same(tmp_path: Path, brand: bytes):
    (tmp_path / "a.HEIC").write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0" + b"miaf" + b"MiHB" + bytes(200))
    with pytest.raises(VideoError, match=r"^is a still picture \((HEIC|HEIF|AVIF)\), not a video$"):
        probe(tmp_path / "a.HEIC")


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.avif"])
def test_what_moves_is_a_video(tmp_path: Path, name: str):
    FRAMES[0].save(tmp_path / name, save_all=True, append_images=FRAMES[1:], duration=100)
    assert not stills.kind(tmp_path / name)
    assert probe(tmp_path / name).packets == 4


def test_a_gif_of_one_frame_and_jpegs_in_a_row_are_videos(tmp_path: Path):
    FRAMES[0].save(tmp_path / "a.gif")
    assert probe(tmp_path / "a.gif").packets == 1
    with (tmp_path / "a.mjpeg").open("wb") as file:
        for frame in FRAMES:
            frame.save(file, "jpeg")
    assert probe(tmp_path / "a.mjpeg").packets == 4


def test_an_animated_webp_is_no_still_picture(tmp_path: Path):
    """FFmpeg does not decode it (as of version 8), which is said as it is."""
    FRAMES[0].save(tmp_path / "a.webp", save_all=True, append_images=FRAMES[1:], duration=100)
    assert not stills.kind(tmp_path / "a.webp")
    with pytest.raises(VideoError, match="animated WebP, which this FFmpeg cannot decode"):
        probe(tmp_path / "a.webp")


def test_what_cannot_be_read_is_none(tmp_path: Path):
    assert not stills.kind(tmp_path / "none.png")
    assert not stills.kind(tmp_path)
