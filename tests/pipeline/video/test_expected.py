"""How many frames a file should give, in every container, wherever something is missing."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from extractors.base import Sampling
from pipeline.video.expected import frames_in_words
from pipeline.video.probing import probe
from pipeline.video.reading import read

COUNT = 60
ALL = Sampling(COUNT, 16, 16)
VOICES = {"webm": "libopus", "wmv": "mp2", "avi": "mp2"}
CODECS = {"webm": "libvpx-vp9", "avi": "mpeg4", "wmv": "wmv2"}  # libx264 in the others


def make(
    path: Path, *, step: int = 1, times: Sequence[int] = (), sound: float = 0, codec: str = "", **options: str
) -> Path:
    """COUNT frames of noise, 25 fps or each `step` times as long, keyframes alone; `sound` is so many seconds long.

    times: when the frames are shown, in 25ths of a second.
    """
    codec = codec or CODECS.get(path.suffix[1:], "libx264")
    coding = {
        "libvpx-vp9": {"cpu-used": "8", "deadline": "realtime", "g": "1"},
        "libx264": {"preset": "ultrafast", "g": "1"},
    }
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25, options=coding.get(codec, {"g": "1", "b": "4000000"}))
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        voice: Any = container.add_stream(VOICES.get(path.suffix[1:], "aac"), rate=16000) if sound else None
        for place in range(COUNT):
            picture = np.random.default_rng(place).integers(0, 256, (64, 64, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = times[place] if times else place * step, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        for place in range(int(sound * 16000 / 1024)):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts, silence.time_base = 16000, 1024 * place, Fraction(1, 16000)
            container.mux(voice.encode(silence))
        if sound:
            container.mux(voice.encode())
    return path


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content))])
    return path


WHOLE = ["mp4", "mov", "mkv", "webm", "avi", "flv", "wmv", "ts"]


@pytest.mark.parametrize("ending", WHOLE)
def test_of_a_whole_file_all_packets_are_expected(tmp_path: Path, ending: str):
    for name, how in {"a": {}, "sound": {"sound": 4}, "slow": {"step": 3}}.items():
        seen = probe(make(tmp_path / f"{name}.{ending}", **how))  # type: ignore[arg-type]
        assert (seen.packets, seen.expected, seen.expected_by) == (COUNT, COUNT, "its packets"), name


CUT = {
    "mp4": ({"movflags": "faststart"}, "the container's count"),
    "mov": ({"movflags": "faststart"}, "the container's count"),
    "avi": ({}, "the container's count"),
    "mkv": ({}, "the container's duration"),
    "webm": ({}, "the container's duration"),
    "flv": ({}, "the container's duration"),
}


@pytest.mark.parametrize("ending", CUT)
@pytest.mark.parametrize("sound", [0, 2.4])
def test_what_a_cut_off_file_should_have_held_is_expected(tmp_path: Path, ending: str, sound: float):
    options, by = CUT[ending]
    for share in (0.3, 0.8):
        seen = probe(cut(make(tmp_path / f"a.{ending}", sound=sound, **options), share))
        assert seen.packets <= share * COUNT + 5
        assert abs(seen.expected - COUNT) <= 2
        assert seen.expected_by == by


def test_a_transport_stream_that_was_cut_off_promised_nothing(tmp_path: Path):
    seen = probe(cut(make(tmp_path / "a.ts"), 0.5))
    assert (seen.expected, seen.expected_by) == (seen.packets, "its packets")


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "webm"])
@pytest.mark.parametrize("first", [0, 20, 40], ids=["begin", "middle", "end"])
def test_frames_that_were_overwritten_are_expected_and_not_decoded(tmp_path: Path, ending: str, first: int):
    path = make(tmp_path / f"a.{ending}")
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for at, size in places[first + 1 : first + 20]:  # the first frame is left for the look
        begin = at if ending == "mp4" else at + 12  # behind the head that says how long it is
        content[begin : at + size] = bytes(at + size - begin)
    path.write_bytes(content)
    seen = probe(path)
    frames = read(path, [ALL], seen.packets, seen.fps)
    assert (seen.expected, seen.expected_by) == (seen.packets, "its packets")
    assert COUNT - 2 <= seen.expected <= COUNT
    if ending in ("mp4", "mkv"):  # other decoders paint over what is missing
        assert frames.decoded == [COUNT - 19]


def test_what_an_edit_list_cuts_away_is_not_expected(tmp_path: Path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "2", "g": "12"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(48):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 5 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number - 30, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 48  # the header counts all
    seen = probe(path)
    assert (seen.packets, seen.expected) == (18, 18)


def test_words():
    assert frames_in_words(11, 100, "its packets") == "11 of 100 frames (11 %), counted by its packets"
    assert (
        frames_in_words(199, 200, "the container's count")
        == "199 of 200 frames (99 %), counted by the container's count"
    )


def remade(path: Path, target: Path, held: float = 0.0) -> Path:
    """The packets of a file in another container; the last frame is shown for `held` seconds."""
    with av.open(str(path)) as source, av.open(str(target), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        if held:
            packets[-1].duration = round(held / packets[-1].time_base)  # type: ignore[operator]
        for packet in packets:
            packet.stream = stream
            container.mux(packet)
    return target


@pytest.mark.parametrize("ending", ["mkv", "webm", "flv"])
def test_of_a_cut_recording_with_pauses_no_more_is_expected_than_its_mean_rate_gives(tmp_path: Path, ending: str):
    steps = ([1, 1, 1, 1, 1, 20] * COUNT)[: COUNT - 1]  # 25 frames a second, a pause of 0.8 s after every sixth
    path = make(tmp_path / f"a.{ending}", times=[0, *np.cumsum(steps).tolist()])
    assert probe(path).expected == COUNT
    seen = probe(cut(path, 0.8))
    assert 0.7 * COUNT < seen.packets < 0.9 * COUNT
    assert COUNT - 8 <= seen.expected <= COUNT + 2  # a pause of 20 steps less, at 6 frames in 25 steps: 5 frames


def test_of_a_whole_flv_whose_last_frame_is_held_no_more_is_expected(tmp_path: Path):
    whole = remade(make(tmp_path / "a.mp4"), tmp_path / "a.flv", held=20)
    with av.open(str(whole)) as container:
        assert container.duration == 22_360_000
    assert probe(whole).expected == COUNT
    assert abs(probe(cut(whole, 0.99)).expected - (COUNT + 500)) <= 1  # 20 s at 25 frames, of a file that was cut off


@pytest.mark.parametrize("length", ["inf:00:00.0", "nan:00:00.0", "99:00:03.000", "1e9:00:00.00"])
def test_an_end_that_nobody_can_mean_expects_nothing(tmp_path: Path, length: str):
    path = make(tmp_path / "a.mkv")
    content = path.read_bytes()
    place = content.index(b"DURATION")
    place += content[place:].index(b"00:00:0")
    path.write_bytes(content[:place] + length.ljust(18, "0").encode() + content[place + 18 :])
    seen = probe(path)
    assert (seen.expected, seen.expected_by) == (COUNT, "its packets")
    flv = cut(make(tmp_path / "a.flv"), 0.8)
    content = flv.read_bytes()
    place = content.index(b"duration") + len(b"duration") + 1  # a byte says that a number follows
    flv.write_bytes(content[:place] + np.array(1e9, ">f8").tobytes() + content[place + 8 :])
    seen = probe(flv)
    assert (seen.expected, seen.expected_by) == (seen.packets, "its packets")
