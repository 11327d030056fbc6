"""A video that changes on its way gives each sampling the same bytes in any company: those of a plain decode."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from extractors.base import Sampling
from pipeline.video import pixels, reading
from pipeline.video.decoder import Picture
from pipeline.video.media import VideoError
from pipeline.video.positions import wanted
from pipeline.video.reading import Frames, probe, read

COUNT = 120  # frames of a video: enough to be sought in
FEW = Sampling(2, 48, 40, clips=2, stride=2)  # frames 0, 2 and 117, 119
MIDDLE = Sampling(1, 32, 32, filter="bicubic")
SPREAD = Sampling(16, 32, 24)
ALL = Sampling(COUNT, 16, 16)


class Part(NamedTuple):
    """How a part of a video is encoded."""

    width: int = 96
    height: int = 64
    pixels: str = "yuv420p"
    params: str = ""


CHANGES = {
    "larger": Part(width=128, height=96),
    "portrait": Part(width=64, height=96),
    "ten bits": Part(pixels="yuv420p10le"),
    "4:4:4": Part(pixels="yuv444p"),
    "interlaced": Part(params="interlaced=1"),
    "other colours": Part(params="colormatrix=bt709:range=pc"),
}
CODECS = {"libx264": ("x264-params", ""), "libx265": ("x265-params", "log-level=none:"), "libvpx-vp9": ("", "")}


def coder(codec: str, part: Part) -> Any:
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = part.width, part.height, part.pixels
    encoder.time_base, encoder.framerate = Fraction(1, 24), Fraction(24)
    key, params = CODECS[codec]
    common = "repeat-headers=1:keyint=12:min-keyint=12:scenecut=0:bframes=2:annexb=1:"
    options = {key: (params + common + part.params).rstrip(":"), "preset": "ultrafast"}
    encoder.options = options if key else {"cpu-used": "8", "g": "12", "lag-in-frames": "0"}
    return encoder


def joined(path: Path, codec: str, at: int, other: Part) -> Path:
    """COUNT frames of moving patches, from frame `at` on encoded as another part; parameters come with keyframes."""
    ground = np.random.default_rng(0).integers(0, 256, (20, 40, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = Part().width, Part().height, Part().pixels
        stream.codec_context.time_base = Fraction(1, 24)
        for part, first, count in ((Part(), 0, at), (other, at, COUNT - at)):
            encoder = coder(codec, part)
            packets = []
            for number in range(first, first + count):
                picture = np.roll(ground, (number, 3 * number), axis=(0, 1))[: part.height, : part.width]
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                frame.pts, frame.time_base = number - first, Fraction(1, 24)
                packets += encoder.encode(frame)
            for packet in [*packets, *encoder.encode()]:
                packet.pts, packet.dts, packet.time_base = packet.pts + first, packet.dts + first, Fraction(1, 24)
                packet.stream = stream
                container.mux(packet)
    return path


def plain(path: Path, samplings: list[Sampling]) -> list[np.ndarray]:
    """For each sampling [T, crop, crop, 3]: every frame is decoded, and converted as if there were no other."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        every = [VideoReformatter().reformat(f, format="rgb24").to_ndarray() for f in container.decode(video=0)]
    assert len(every) == COUNT
    arrays = []
    for s in samplings:
        numbers = wanted(s, COUNT, 24.0)
        resized = [pixels.resize(every[number], s.size, s.filter, s.antialias, s.width) for number in numbers]
        arrays.append(np.stack([pixels.crops(picture, s.crop)[0] for picture in resized]))
    return arrays


def look(path: Path, *samplings: Sampling) -> Frames:
    seen = probe(path)
    assert (seen.packets, seen.expected) == (COUNT, COUNT)
    assert seen.fps == pytest.approx(24, rel=0.01)
    return read(path, samplings, seen.packets, 24.0)


FILES = [
    *(("a.mp4", "libx264", change) for change in CHANGES),
    ("a.mkv", "libx264", "ten bits"),
    ("a.mkv", "libx264", "interlaced"),
    ("a.avi", "libx264", "larger"),
    ("a.ts", "libx264", "portrait"),
    ("a.ts", "libx264", "other colours"),
    ("a.mp4", "libx265", "portrait"),
    ("a.webm", "libvpx-vp9", "larger"),
]


@pytest.mark.parametrize(("name", "codec", "change"), FILES)
def test_what_changes_on_the_way_is_the_same_in_any_company(tmp_path: Path, name: str, codec: str, change: str):
    for at in (12, 60, 108):
        path = joined(tmp_path / f"{at}-{name}", codec, at, CHANGES[change])
        samplings = [FEW, MIDDLE, SPREAD, ALL]
        expected = plain(path, samplings)
        for company in ([0], [1], [2], [0, 1], [2, 0], [3, 2, 1, 0]):
            frames = look(path, *(samplings[number] for number in company))
            for array, number in zip(frames.arrays, company, strict=True):
                shown = array.reshape(-1, *array.shape[2:])
                np.testing.assert_array_equal(shown, expected[number], err_msg=f"at {at}, {number} of {company}")


def test_what_cannot_serve_one_sampling_costs_the_others_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = joined(tmp_path / "a.mp4", "libx264", 60, Part())
    few, middle, spread = plain(path, [FEW, MIDDLE, SPREAD])
    every = reading.pictures

    def broken(path: Path) -> Iterator[Picture]:
        yield from islice(every(path), 70)
        raise VideoError("frame 70 is broken")

    monkeypatch.setattr(reading, "pictures", broken)
    frames = look(path, SPREAD, FEW, MIDDLE)
    assert frames.lost == {0: "frame 70 is broken"}
    np.testing.assert_array_equal(frames.arrays[1][0], few[:2])
    np.testing.assert_array_equal(frames.arrays[1][1], few[2:])
    np.testing.assert_array_equal(frames.arrays[2][0], middle)
    assert frames.decoded == [0, COUNT, COUNT]
    with pytest.raises(VideoError, match="frame 70 is broken"):
        look(path, SPREAD)
    assert not (frames.arrays[0] == spread).all()
