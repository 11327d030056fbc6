"""What becomes of a video of which only some frames can be decoded, in any company."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from extractors.base import Sampling
from pipeline.extraction.decoding import Clip
from pipeline.extraction.tally import Tally
from pipeline.video.probing import probe
from pipeline.video.reading import Frames, read
from pipeline.workers.killable import Lost

COUNT = 120
ALL = Sampling(COUNT, 16, 16)
END = Sampling(2, 16, 16, clips=2, stride=2)  # frames 0, 2 and 117, 119
SPREAD = Sampling(12, 16, 16)


@pytest.fixture
def holes(tmp_path: Path) -> Any:
    """Makes a video of COUNT frames, each a keyframe, of which the packets `first` to `last` are damaged."""

    def make(first: int, last: int) -> Path:
        path = tmp_path / "a.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast", "g": "1"})
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            for number in range(COUNT):
                picture = np.full((64, 64, 3), 2 * number, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        with av.open(str(path)) as container:
            places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
        content = bytearray(path.read_bytes())
        for at, size in places[first:last]:
            content[at + 5 : at + size] = b"\xff" * (size - 5)  # the unit's length and kind stay
        path.write_bytes(content)
        return path

    return make


def clip(path: Path, least: float) -> Clip:
    seen = probe(path)
    assert (seen.packets, seen.expected) == (COUNT, COUNT)
    return Clip("v", str(path), seen.packets, seen.fps, seen.expected, seen.expected_by, int(least * seen.expected))


def fared(video: Clip, *samplings: Sampling) -> list[Tally]:
    frames = read(Path(video.path), samplings, video.packets, video.fps)
    tallies = [Tally() for _ in samplings]
    for number, tally in enumerate(tallies):
        assert tally.add(video, frames, number) == bool(tally.good)
    return tallies


def test_few_lost_frames_are_no_matter(holes: Any) -> None:
    (tally,) = fared(clip(holes(50, 55), 0.5), ALL)
    assert (tally.decoded, tally.failed, tally.notes()) == ([115], [], [])


def test_many_lost_frames_are_noted(holes: Any) -> None:
    (tally,) = fared(clip(holes(50, 70), 0.5), ALL)
    assert (tally.decoded, tally.failed) == ([100], [])
    ((video, text),) = tally.notes()
    assert (video.id, text) == (
        "v",
        "used, but decoding lost frames: there are 100 of 120 frames (83 %), counted by its packets",
    )


def test_most_frames_lost_is_a_failure(holes: Any) -> None:
    (tally,) = fared(clip(holes(10, 110), 0.5), ALL)
    assert (tally.good, tally.decoded, tally.notes()) == ([], [], [])
    ((video, reason, exception),) = tally.failed
    assert (video.id, exception) == ("v", "Incomplete")
    assert reason == (
        "too little could be decoded: 20 of 120 frames (16 %), counted by its packets; decode.least asks for 60: "
        "get the file anew, or lower decode.least to use it as it is"
    )
    (tally,) = fared(clip(holes(10, 110), 0.1), ALL)
    assert (tally.decoded, tally.failed) == ([20], [])


def test_what_a_video_gives_for_a_feature_does_not_hang_on_the_others(holes: Any) -> None:
    """The ends alone are whole, so whoever wants nothing else gets them; who wants the rest does not."""
    video = clip(holes(10, 110), 0.5)
    (alone,), (spread,) = fared(video, END), fared(video, SPREAD)
    together = fared(video, SPREAD, END, ALL)
    assert together[1] == alone
    assert (alone.decoded, alone.failed, alone.notes()) == ([COUNT], [], [])
    assert together[0] == spread
    assert [exception for *_, exception in spread.failed] == ["Incomplete"]


def test_a_video_that_no_decoder_survives_counts_for_every_feature() -> None:
    video, tally = Clip("v", "a.mp4"), Tally()
    assert not tally.add(video, Lost("took more than 60 s", "Timeout"), 1)
    assert not tally.add(video, None, 1)  # known to be lost before
    nothing = Frames([np.zeros(0)] * 2, 0, 24.0, 0, [0, 0], [0, 0], lost={1: "a frame could not be converted"})
    assert not tally.add(video, nothing, 1)
    assert tally.failed == [
        (video, "took more than 60 s", "Timeout"),
        (video, "a frame could not be converted", "VideoError"),
    ]


def test_what_is_missing_in_the_file_is_not_noted_again() -> None:
    """decode has said that of 100 frames 80 are there; all of these were decoded."""
    frames = Frames([np.zeros(0)], 80, 24.0, 1, [1], [80])
    for packets, notes in ((80, 0), (85, 1)):
        tally = Tally()
        assert tally.add(Clip("v", "a.mp4", packets, 24.0, 100, "the container's count", 50), frames, 0)
        assert len(tally.notes()) == notes
