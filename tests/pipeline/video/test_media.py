"""Files that are no videos say why, in words for a person; no file makes us read another or wait."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from pipeline.video.media import VideoError
from pipeline.video.reading import probe


def one_frame(path: Path) -> Path:
    """An mp4 of one black frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(64, 64)))
        container.mux(stream.encode())
    return path


def reason(path: Path) -> str:
    with pytest.raises(VideoError) as caught:
        probe(path)
    assert str(path.parent) not in str(caught.value)  # the ledger names the video, the reason needn't
    return str(caught.value)


def sound(path: Path, cover: Path | None = None) -> Path:
    """A file with a second of silence, and a cover picture if one is given."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        picture = container.add_stream("png") if cover else None
        if picture:
            picture.width, picture.height, picture.pix_fmt = 32, 32, "rgb24"
            picture.disposition = av.stream.Disposition.attached_pic
            packet = av.Packet(cover.read_bytes())
            packet.stream, packet.pts, packet.dts = picture, 0, 0
        for number in range(16):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, number * 1024
            container.mux(stream.encode(frame))
        if picture:
            container.mux(packet)
        container.mux(stream.encode())
    return path


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_an_empty_file(tmp_path: Path):
    assert reason(write(tmp_path / "a.mp4", b"")) == "the file is empty (0 bytes)"


def test_a_missing_file_and_a_broken_link(tmp_path: Path):
    assert reason(tmp_path / "a.mp4") == "there is no such file"
    (tmp_path / "link.mp4").symlink_to("elsewhere.mp4")
    assert reason(tmp_path / "link.mp4").startswith("is a link to nothing: elsewhere.mp4 is not here")
    (tmp_path / "odd.mp4").symlink_to("else\nwhere.mp4")
    assert "else\\nwhere.mp4" in reason(tmp_path / "odd.mp4")


def test_a_folder_and_a_pipe(tmp_path: Path):
    assert reason(tmp_path) == "is a folder, not a file"
    os.mkfifo(tmp_path / "pipe.mp4")
    assert reason(tmp_path / "pipe.mp4") == "is not a regular file"  # and did not wait for a writer


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_a_file_that_may_not_be_read(tmp_path: Path):
    path = write(tmp_path / "a.mp4", b"x")
    path.chmod(0)
    assert reason(path) == "cannot be read (Permission denied)"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html><body>Video unavailable</body></html>", "web page"),
        (b"\0" * 5000, "zeros only"),
        (bytes(np.random.default_rng(3).integers(0, 256, 5000, dtype=np.uint8)), "damaged at its beginning"),
        (b"root:secret:0:0\n" * 9, "not a video, or damaged at its beginning"),
    ],
)
def test_what_is_no_video(tmp_path: Path, content: bytes, words: str):
    """No byte of it is quoted: a link may have led to a file that is private."""
    message = reason(write(tmp_path / "a.mp4", content))
    assert words in message
    assert "root" not in message


def test_an_mp4_that_lost_its_index(tmp_path: Path):
    path = one_frame(tmp_path / "a.mp4")
    content = path.read_bytes()
    assert "without a usable index (moov)" in reason(write(path, content[: content.index(b"moov") - 4]))


def test_sound_alone(tmp_path: Path):
    assert reason(sound(tmp_path / "a.mp4")) == "no video stream: audio only"


def test_sound_with_a_cover_picture(tmp_path: Path):
    Image.new("RGB", (32, 32)).save(tmp_path / "cover.png")
    path = sound(tmp_path / "a.mp4", tmp_path / "cover.png")
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1  # the cover is there
    assert reason(path) == "no video stream: audio and a cover picture only"


def test_packets_that_hold_no_picture(tmp_path: Path):
    path = one_frame(tmp_path / "a.mp4")
    with av.open(str(path)) as container:
        (place, size) = next((packet.pos, packet.size) for packet in container.demux(video=0) if packet.size)
    content = bytearray(path.read_bytes())
    content[place : place + size] = b"\xff" * size
    assert reason(write(path, bytes(content))).startswith("no frame could be decoded: ")


def test_frames_beyond_any_memory(tmp_path: Path):
    # a BMP header of 50,000 x 50,000 pixels, without them
    header = b"BM" + (54).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")
    header += (50_000).to_bytes(4, "little") * 2 + (1).to_bytes(2, "little") + (24).to_bytes(2, "little") + bytes(24)
    message = reason(write(tmp_path / "a.bmp", header + bytes(1000)))
    assert message == "is a still picture (BMP), not a video"


@pytest.mark.parametrize("name", ["a.m3u8", "a.mp4"])
def test_a_playlist_fetches_nothing(tmp_path: Path, name: str):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        text = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n"
        reason(write(tmp_path / name, text.encode()))
        with pytest.raises(BlockingIOError):
            server.accept()  # nobody called
