"""A video that never ends, one that crashes the decoder and one that needs too much memory cost themselves only."""

from __future__ import annotations

import json
import os
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
import pytest

from extractors.base import Sampling
from pipeline.extraction import decoding
from pipeline.extraction.decoding import Clip, Job
from pipeline.video.reading import probe
from pipeline.workers.killable import Killable, Lost
from tests.forked import Forked

STAGES = """
threads: 2
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
  colour: {step: extract, uses: extractors.brightness.Brightness, from: decode, params: {timeout: 3, memory: 0.5}}
"""
VIDEOS = 64  # in one shard
SLOW, CRASHING, HUGE = "v07", "v31", "v50"
BAD = (SLOW, CRASHING, HUGE)
# Read by each interpreter that starts; only in decoder processes, opening the one file is a segmentation fault.
CRASH = """
import os, signal, sys
def crash(event, arguments):
    if event == "open" and str(arguments[0]).endswith("v31.mp4"):
        os.kill(os.getpid(), signal.SIGSEGV)
if any("pipeline.workers.serving" in word for word in sys.orig_argv):
    sys.addaudithook(crash)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is watched in /proc")


def small(path: Path, number: int) -> None:
    """16 frames of one grey, 64 x 48, H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for time in range(16):
            picture = np.full((48, 64, 3), 3 * number + time, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def repeated(path: Path, codec: str, size: tuple[int, int], pixels: str, count: int) -> None:
    """One picture, and `count` - 1 times the packet that says "the same again": soon written, long to decode."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        packets = []
        for number in range(2):
            frame = av.VideoFrame(*size, pixels)
            for plane in frame.planes:
                plane.update(bytes([100]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            packets += stream.encode(frame)
        first, again = [bytes(packet) for packet in packets + stream.encode()]
        for number in range(count):
            packet = av.Packet(again if number else first)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, Fraction(1, 25)
            packet.is_keyframe = not number
            container.mux(packet)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 videos of which three are bad, `all` and `good` collections of them, and the stages above."""
    parent = tmp_path_factory.mktemp("faults")
    (parent / "stages.yaml").write_text(STAGES)
    (parent / "site").mkdir()
    (parent / "site" / "sitecustomize.py").write_text(CRASH)
    (parent / "all").mkdir()
    (parent / "good").mkdir()
    for number in range(VIDEOS):
        name = f"v{number:02d}"
        if name == SLOW:
            repeated(parent / "all" / f"{name}.avi", "mpeg4", (4000, 3000), "yuv420p", 4000)  # about a minute's work
        elif name == HUGE:
            repeated(parent / "all" / f"{name}.avi", "mjpeg", (9000, 9000), "yuvj420p", 3)  # 243 MB as RGB
        else:
            small(parent / "all" / f"{name}.mp4", number)
            if name != CRASHING:
                (parent / "good" / f"{name}.mp4").hardlink_to(parent / "all" / f"{name}.mp4")
    for videos in ("all", "good"):
        text = f"videos: {videos}\n"
        for split, numbers in (("train", range(40)), ("val", range(40, 50)), ("test", range(50, VIDEOS))):
            ids = [f"v{n:02d}" for n in numbers if videos == "all" or f"v{n:02d}" not in BAD]
            (parent / f"{videos}.{split}.txt").write_text("".join(f"{id_}\n" for id_ in ids))
            (parent / f"{videos}.{split}.captions.txt").write_text("".join(f"{id_}#0 a grey\n" for id_ in ids))
            text += f"{split}: {{ids: {videos}.{split}.txt, captions: {videos}.{split}.captions.txt}}\n"
        (parent / f"{videos}.yaml").write_text(text)
    return parent


def laff(forked: Forked, folder: Path, videos: str) -> tuple[dict[str, Any], list[dict[str, str]], str]:
    """`laff colour` in a process -> ({id: row} of the only shard, ledger, what it said)."""
    work = folder / f"work-{videos}"
    environment = {**os.environ, "PYTHONPATH": str(folder / "site")}
    options = ["-c", folder / f"{videos}.yaml", "-w", work, "--stages", folder / "stages.yaml"]
    process = forked.laff("colour", *options, environment=environment)
    assert process.wait(240) == 0, process.said()
    assert [path.name for path in (work / "colour").glob("*.h5")] == ["00000.h5"]
    with h5py.File(work / "colour" / "00000.h5") as file:
        vectors = {id_: row.tobytes() for id_, row in zip(file["ids"].asstr()[:], file["values"][:], strict=True)}
    ledger = work / "failures.jsonl"
    lines = [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.is_file() else []
    return vectors, lines, process.said()


@pytest.mark.slow
def test_three_bad_videos_of_64_cost_three(folder: Path, forked: Forked) -> None:
    vectors, lines, output = laff(forked, folder, "all")
    failures = {line["video"]: (line["stage"], line["exception"], line["reason"]) for line in lines}
    assert len(lines) == 3
    assert failures == {
        SLOW: ("colour", "Timeout", "took longer than 3 s"),
        CRASHING: ("decode", "Crash", "the decoder process died (signal 11: SIGSEGV)"),
        HUGE: ("colour", "Memory", "needed more memory than 0.5 GiB"),
    }
    assert "3 of 64 videos failed" in output
    assert len(vectors) == 61
    assert not set(BAD) & set(vectors)

    alone, none, _ = laff(forked, folder, "good")
    assert none == []
    assert vectors == alone


def test_a_look_and_reading_are_watched(folder: Path) -> None:
    huge, fine = folder / "all" / f"{HUGE}.avi", folder / "all" / "v00.mp4"
    lost = Lost("needed more memory than 0.5 GiB", "Memory")
    with Killable(workers=1, timeout=60, memory=0.5) as workers:
        bad, good = workers.imap(probe, [huge, fine])
        assert (bad, getattr(good, "packets", good)) == (lost, 16)
        jobs = [Job([Clip("huge", str(huge), 3, 25.0)], [Sampling(2, 16, 16)])]
        assert list(workers.imap(decoding.read, jobs)) == [lost]
