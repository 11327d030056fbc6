"""Rate and length of a video come from the typical steps between its packets, whatever its clock does in places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.video.clock import Clock, clock
from pipeline.video.probing import Probe, probe
from pipeline.video.timeline import Timeline

COUNT = 50
EVEN = [40 * number for number in range(COUNT)]  # ms: 25 frames a second


def make(
    path: Path,
    times: Sequence[int] | None = None,
    change: Callable[[int, av.Packet], None] = lambda number, packet: None,
    options: dict[str, str] | None = None,
) -> Path:
    """COUNT frames at 25 fps, or at these times in ms; `change` may alter each packet, numbered as they are written."""
    codec, given = ("libvpx-vp9", {"cpu-used": "8"}) if path.suffix == ".webm" else ("libx264", {"preset": "ultrafast"})
    base = Fraction(1, 1000) if times else Fraction(1, 25)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=given | (options or {}))
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        if times:
            stream.codec_context.time_base = base
        number = 0
        for place in range(COUNT + 1):
            frame = None
            if place < COUNT:
                frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 5 * place, np.uint8), format="rgb24")
                frame.pts, frame.time_base = times[place] if times else place, base
            for packet in stream.encode(frame):
                change(number, packet)
                container.mux(packet)
                number += 1
    return path


def pause(at: int, length: int) -> list[int]:
    return [time + (length if place >= at else 0) for place, time in enumerate(EVEN)]


def steady(seen: Probe, seconds: float = 2) -> None:
    """At the rate of an even clock."""
    assert (seen.packets, seen.expected, seen.expected_by) == (COUNT, COUNT, "its packets")
    assert seen.fps == pytest.approx(25, rel=0.001)
    assert seen.seconds == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov", "ts", "flv", "webm", "avi"])
def test_pauses_are_left_out_of_the_rate_wherever_they_are(tmp_path: Path, ending: str):
    several = [time + 700 * (place // 9) for place, time in enumerate(EVEN)]
    for name, times in {
        "none": EVEN,
        "behind the first": pause(1, 3000),
        "amid": pause(25, 200),
        "before the last": pause(COUNT - 1, 3000),
        "often": several,
    }.items():
        seen = probe(make(tmp_path / f"{name}.{ending}", times))
        assert not seen.jumps
        if ending == "avi":  # whose writer makes a header of a thousand frames a second of these
            steady(seen, seen.seconds)
            continue
        steady(seen, (times[-1] + 40) / 1000)
        assert ("its rate leaves out pauses of " in seen.note) == (name != "none")


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "webm", "flv"])
def test_a_recording_that_holds_its_frames_has_its_own_length_and_mean_rate(tmp_path: Path, ending: str):
    """Of a screen: a frame when something changes. Frames are counted, so two a second are two of its mean second."""
    steps = ([40, 40, 1200] * COUNT)[: COUNT - 1]
    times = [0, *np.cumsum(steps).tolist()]
    seen = probe(make(tmp_path / f"a.{ending}", times))
    assert seen.seconds == pytest.approx(times[-1] / 1000 + 0.04, abs=0.5)  # the last is held a frame, or a mean step
    assert seen.fps == pytest.approx((COUNT - 1) / times[-1] * 1000, rel=0.03)
    assert not seen.jumps
    assert "jump" not in seen.note
    assert "pauses" not in seen.note


def test_an_hour_of_silence_is_no_pause(tmp_path: Path):
    """A step that is longer than ten seconds and than all the others together; thirty slides of a minute have none."""
    seen = probe(make(tmp_path / "a.ts", pause(25, 3_600_000)))
    steady(seen)
    assert seen.jumps
    slides = [place * 60_000 + 45_000 * (place % 7 == 0) for place in range(30)]
    assert not clock([*slides], [*slides], [0] * 30, 0.001).jumps
    idle = [*range(0, 20_000, 40), *range(39_000, 59_000, 40)]
    assert clock([*idle], [*idle], [40] * 1000, 0.001) == Clock(0.04, 59.0, pauses=pytest.approx(19))


def test_a_length_that_the_header_denies_has_no_pauses(tmp_path: Path):
    def late(number: int, packet: av.Packet) -> None:
        if number == COUNT - 1:
            packet.pts += round(5 / packet.time_base)

    seen = probe(make(tmp_path / "a.mp4", change=late))
    steady(seen, 2)
    assert "pauses of 5 seconds" in seen.note


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("at", [1, 25, COUNT - 1])
def test_one_wild_packet_says_nothing(tmp_path: Path, ending: str, at: int):
    def wild(number: int, packet: av.Packet) -> None:
        if number == at:
            packet.pts += 1_000_000

    seen = probe(make(tmp_path / f"a.{ending}", change=wild))
    steady(seen)
    assert "times jump" in seen.note


@pytest.mark.parametrize("step", [-1.2, -0.5, 3600.0], ids=["back", "back a little", "far forward"])
def test_streams_that_were_joined(tmp_path: Path, step: float):
    """Two transport streams one behind the other, as recorders and `cat` make them."""

    def begin(second: bool) -> Callable[[int, av.Packet], None]:
        def shift(number: int, packet: av.Packet) -> None:
            ticks = round((10 + (1 + step if second else 0)) / packet.time_base)
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks

        return shift

    parts = [make(tmp_path / f"{second}.ts", change=begin(second)).read_bytes() for second in (False, True)]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    seen = probe(path)
    assert (seen.packets, seen.expected) == (2 * COUNT, 2 * COUNT)
    assert seen.fps == pytest.approx(25, rel=0.001)
    assert seen.seconds == pytest.approx(4, abs=0.001)
    assert "times jump" in seen.note


def test_a_header_that_disagrees_is_noted(tmp_path: Path):
    seen = probe(make(tmp_path / "a.mp4", pause(25, 8000)))
    assert "the header says 5 frames a second, the packets 25" in seen.note
    assert "its rate leaves out pauses of 8 seconds" in seen.note
    assert "seconds, the packets" not in seen.note
    assert probe(make(tmp_path / "b.mp4", EVEN)).note == ""


# The rule itself, in ticks of a tenth of a second.


def test_an_uneven_clock_has_the_mean_rate():
    times: list[int | None] = [0, 10, 15, 40, 50]  # no step is as long as 4 x 10: 50 ticks for 4 steps
    assert clock(times, times, [5] * 5, 0.1) == Clock(1.25, pytest.approx(5.5))


def test_of_two_steps_the_longer_may_be_a_pause():
    times: list[int | None] = [0, 50, 51]
    assert clock(times, times, [1] * 3, 0.1) == Clock(pytest.approx(0.1), pytest.approx(5.2), pauses=pytest.approx(4.9))


def test_reordered_frames_are_told_by_their_times_of_decoding():
    shown: list[int | None] = [0, 30, 10, 20, 900, 40]
    decoded: list[int | None] = [-10, 0, 10, 20, 30, 40]
    assert clock(shown, decoded, [10] * 6, 0.1) == Clock(1.0, pytest.approx(6.0), jumps=True)


@pytest.mark.parametrize("shown", [[None] * 6, [0, None, None, 3, None, None]])
def test_packets_without_times_count_by_decoding(shown: list[int | None]):
    """H.264 in AVI has a time of showing for some packets only."""
    assert clock(shown, [0, 1, 2, 3, 4, 5], [1] * 6, 0.1) == Clock(0.1, pytest.approx(0.6))


def test_packets_without_any_time_count_by_their_durations():
    none: list[int | None] = [None] * 4
    assert clock(none, none, [2, 2, 2, 2], 0.1) == Clock(0.2, 0.8)
    assert clock(none, none, [0] * 4, 0.1).step == 0
    assert clock([], [], [], 0.1).step == 0


def test_two_frames_of_one_time_count_as_a_typical_step():
    times: list[int | None] = [0, 1, 2, 2, 3, 4]
    assert clock(times, times, [1] * 6, 0.1) == Clock(pytest.approx(0.1), pytest.approx(0.6), jumps=True)


@pytest.mark.parametrize(
    ("codec", "content", "silent"),
    [
        ("vp8", bytes([0x10]) + bytes(30), 0),
        ("vp8", bytes(31), 1),  # a picture that others refer to and nobody sees
        ("mpeg4", bytes(40), 0),
        ("mpeg4", bytes(7), 1),  # "as before"
        ("vp9", bytes(7), 0),
    ],
)
def test_packets_without_a_picture_to_show_are_told_apart(codec: str, content: bytes, silent: int):
    timeline, packet = Timeline(codec), av.Packet(content)
    packet.pts = packet.dts = 0
    packet.time_base = Fraction(1, 25)
    timeline.add(packet)
    assert (timeline.packets, timeline.silent) == (1, silent)
