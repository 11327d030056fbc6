"""Pictures that are encrypted are named so, in whatever way the container says it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from pipeline.video import encryption
from pipeline.video.media import VideoError
from pipeline.video.probing import probe

STBL = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def plain(path: Path, **options: str) -> Path:
    """Ten frames of H.264."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for place in range(10):
            picture = np.random.default_rng(place).integers(0, 256, (64, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def find(data: bytes, way: tuple[bytes, ...], begin: int, end: int) -> list[int]:
    """Where each of these boxes begins, one inside the other."""
    while begin < end:
        size = int.from_bytes(data[begin : begin + 4], "big")
        if data[begin + 4 : begin + 8] == way[0]:
            inside = begin + (16 if way[0] == b"stsd" else 8)
            return [begin, *(find(data, way[1:], inside, begin + size) if way[1:] else [])]
        begin += size
    raise KeyError(way[0])


def grown(data: bytes, way: tuple[bytes, ...], addition: bytes) -> bytes:
    """With something added at the end of a box; the moov box lies behind the pictures, so no place changes."""
    changed = bytearray(data)
    places = find(data, way, 0, len(data))
    end = places[-1] + int.from_bytes(data[places[-1] : places[-1] + 4], "big")
    for at in places:
        changed[at : at + 4] = (int.from_bytes(changed[at : at + 4], "big") + len(addition)).to_bytes(4, "big")
    return bytes(changed[:end]) + addition + bytes(changed[end:])


def locked(path: Path, entry: bytes = b"encv", scheme: bool = True, vectors: bool = False) -> Path:
    """Noise in the place of the pictures, and a description that calls them encrypted."""
    with av.open(str(plain(path))) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for at, size in packets:
        data[at + 5 : at + size] = np.random.default_rng(at).integers(0, 256, size - 5, dtype=np.uint8).tobytes()
    described = find(bytes(data), (*STBL, b"stsd", b"avc1"), 0, len(data))[-1]
    data[described + 4 : described + 8] = entry
    changed = bytes(data)
    if scheme:
        default = box(b"tenc", bytes(4), bytes([0, 0, 1, 8]), bytes(range(16)))
        how = box(b"schm", bytes(4), b"cenc", bytes([0, 1, 0, 0]))
        changed = grown(
            changed, (*STBL, b"stsd", entry), box(b"sinf", box(b"frma", b"avc1"), how, box(b"schi", default))
        )
    if vectors:
        changed = grown(changed, STBL, box(b"senc", bytes(4), len(packets).to_bytes(4, "big"), bytes(8 * len(packets))))
    path.write_bytes(changed)
    return path


def reason(path: Path) -> str:
    with pytest.raises(VideoError) as caught:
        probe(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("entry", "scheme", "vectors"),
    [(b"encv", True, True), (b"encv", True, False), (b"encv", False, False), (b"drmi", False, False)],
    ids=["common encryption", "one vector for all", "without a scheme", "iTunes"],
)
@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_encrypted_pictures_are_named_so(tmp_path: Path, ending: str, entry: bytes, scheme: bool, vectors: bool):
    assert reason(locked(tmp_path / f"a.{ending}", entry, scheme, vectors)) == encryption.REASON


def test_packets_that_say_they_are_encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = locked(tmp_path / "a.mp4", vectors=True)
    monkeypatch.setattr(encryption, "tracks", lambda path: set())
    with av.open(str(path)) as container:
        assert all(packet.has_sidedata("encryption_info") for packet in container.demux(video=0) if packet.size)
    assert reason(path) == encryption.REASON


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}, {"movflags": "frag_keyframe+empty_moov"}])
def test_plain_pictures_are_read(tmp_path: Path, options: dict[str, str]):
    path = plain(tmp_path / "a.mp4", **options)
    assert probe(path).packets == 10
    assert encryption.tracks(path) == set()


@pytest.mark.parametrize("control", [0x80, 0xC0], ids=["even key", "odd key"])
def test_a_scrambled_transport_stream(tmp_path: Path, control: int):
    path = plain(tmp_path / "a.ts")
    assert not encryption.scrambled(path)
    content = bytearray(path.read_bytes())
    for at in range(0, len(content), 188):
        if (content[at + 1] & 31, content[at + 2]) == (1, 0):  # FFmpeg writes the pictures as stream 256
            content[at + 3] |= control
            content[at + 12 : at + 188] = np.random.default_rng(at).integers(0, 256, 176, dtype=np.uint8).tobytes()
    path.write_bytes(content)
    assert reason(path) == encryption.REASON


def test_matroska_says_it_in_the_metadata_of_the_stream():
    container: Any = SimpleNamespace(format=SimpleNamespace(name="matroska,webm"))
    for metadata, said in (({"enc_key_id": "AAEC"}, True), ({"title": "x"}, False)):
        stream: Any = SimpleNamespace(metadata=metadata)
        assert encryption.encrypted(Path("a.webm"), container, stream) is said


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        (0).to_bytes(4, "big") + b"moov" + b"\0" * 50,
        (1).to_bytes(4, "big") + b"moov" + (1 << 62).to_bytes(8, "big") + box(b"trak"),
        (4).to_bytes(4, "big") + b"moov" * 10,
        box(b"moov", box(b"trak", (500).to_bytes(4, "big") + b"stsd")),
    ],
)
def test_boxes_that_make_no_sense_end_the_search(tmp_path: Path, content: bytes):
    (tmp_path / "a.mp4").write_bytes(content)
    assert encryption.tracks(tmp_path / "a.mp4") == set()
