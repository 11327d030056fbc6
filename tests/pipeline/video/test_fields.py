"""Two packets with the fields of one frame count as one frame; written bit by bit, as ITU-T H.264 has it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.video.fields import Fields, read_sequence
from pipeline.video.timeline import Timeline


def code(value: int) -> str:
    """Exp-Golomb."""
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def unit(kind: int, bits: str) -> bytes:
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    return bytes([0x60 | kind]) + int(bits, 2).to_bytes(len(bits) // 8, "big")


def parameters(fields: bool, profile: int = 77, number_bits: int = 6) -> bytes:
    """A sequence of 64 x 64 pixels; of profile 100 with a scaling list."""
    bits = f"{profile:08b}{0:08b}{30:08b}" + code(0)
    if profile == 100:
        flat = "1" + code(0) * 16  # a list of sixteen entries that do not differ
        bits += code(1) + code(0) + code(0) + "0" + "1" + flat + "0" * 7
    return unit(
        7, bits + code(number_bits - 4) + code(2) + code(4) + "0" + code(3) + code(3) + f"{not fields:d}" + "111"
    )


def piece(number: int, field: str, kind: int = 1, number_bits: int = 6) -> bytes:
    """A slice of frame `number`: of a frame, its top or its bottom field."""
    flags = {"frame": "0", "top": "10", "bottom": "11"}[field]
    return unit(kind, code(0) + code(5) + code(0) + f"{number:0{number_bits}b}" + flags + "1010")


def packets(*units: list[bytes], prefixed: bool) -> list[av.Packet]:
    encoded = []
    for place, group in enumerate(units):
        data = b"".join((len(one).to_bytes(4, "big") if prefixed else b"\0\0\0\1") + one for one in group)
        packet = av.Packet(data)
        packet.pts = packet.dts = place
        packet.time_base = Fraction(1, 50)
        packet.is_keyframe = place == 0
        encoded.append(packet)
    return encoded


def extradata(sequence: bytes, prefixed: bool) -> bytes:
    if not prefixed:
        return b"\0\0\0\1" + sequence
    return bytes([1, 77, 0, 30, 0xFF, 0xE1]) + len(sequence).to_bytes(2, "big") + sequence + bytes([0])


PAIRS = [
    *([piece(0, "top", 5)], [piece(0, "bottom")]),
    *([piece(1, "top")], [piece(1, "bottom")]),
    [piece(2, "frame")],
    *([piece(3, "bottom")], [piece(3, "top")]),
    *([piece(4, "top")], [piece(4, "bottom")]),  # twice the number 4: of frames that no other refers to
    *([piece(4, "top")], [piece(4, "bottom")]),
    [piece(5, "top"), piece(5, "bottom")],
    [piece(6, "top"), piece(6, "bottom")],
]


@pytest.mark.parametrize("prefixed", [True, False], ids=["mp4", "ts"])
@pytest.mark.parametrize("profile", [77, 100])
def test_fields_of_a_frame_are_paired(prefixed: bool, profile: int) -> None:
    timeline = Timeline("h264", extradata(parameters(True, profile), prefixed))
    for packet in packets(*PAIRS, prefixed=prefixed):
        timeline.add(packet)
    assert (timeline.packets, timeline.halves) == (8, 5)
    other = Timeline("h264", extradata(parameters(False, profile), prefixed))
    for packet in packets(*PAIRS, prefixed=prefixed):
        other.add(packet)
    assert (other.packets, other.halves) == (13, 0)  # a sequence without fields says so


def test_parameters_that_come_with_a_packet_count() -> None:
    fields = Fields(b"")
    first, *others = packets([parameters(True), piece(0, "top", 5)], [piece(0, "bottom")], prefixed=False)
    assert [fields.second(first), *map(fields.second, others)] == [False, True]


def test_the_clock_is_that_of_frames() -> None:
    timeline = Timeline("h264", extradata(parameters(True), True))
    for packet in packets(*[[piece(n // 2, ("top", "bottom")[n % 2])] for n in range(20)], prefixed=True):
        timeline.add(packet)
    assert timeline.packets == 10
    assert timeline.clock.step == pytest.approx(2 / 50)


@pytest.mark.parametrize(
    ("params", "pixels", "fields"),
    [
        ("", "yuv420p", False),
        ("interlaced=1", "yuv420p", True),
        ("interlaced=1:cqm=jvt", "yuv420p", True),
        ("cqm=jvt", "yuv444p", False),
        ("interlaced=1", "yuv444p", True),
        ("interlaced=1", "yuv420p10le", True),
    ],
)
def test_what_x264_writes_is_understood(tmp_path: Path, params: str, pixels: str, fields: bool) -> None:
    """It writes frames whose macroblocks may be fields, never single fields."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": params, "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, pixels
        for number in range(12):
            picture = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        extra = stream.codec_context.extradata
        assert extra
        length = int.from_bytes(extra[6:8], "big")
        assert read_sequence(extra[8 : 8 + length]).fields is fields
        timeline = Timeline("h264", extra)
        for packet in container.demux(stream):
            timeline.add(packet)
    assert (timeline.packets, timeline.halves) == (12, 0)
