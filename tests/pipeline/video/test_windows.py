"""The right frames of windows: counted by a number in their pixels, in any company, sought or read in sequence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from extractors.base import Sampling
from pipeline.video import decoder, seeking, windows
from pipeline.video.frames import Frames
from pipeline.video.media import VideoError
from pipeline.video.probing import probe, probe_windows
from pipeline.video.reading import read as read_whole

COUNT = 240  # frames of a made video, 10 seconds at 24 fps
X264 = {"bf": "3", "g": "40", "sc_threshold": "0", "preset": "veryfast"}
FOUR = Sampling(4, 48, 48)  # of n frames 0.5 n / 4, 1.5 n / 4, …
CLIPS = Sampling(3, 64, 48, clips=2, stride=2, fps=12.0)  # three frames 4 apart at each end
BOUNDS = [(0.0, 2.0), (1.0, 3.0), (2.5, 2.75), (4.0, 9.5), (9.0, math.inf)]  # some overlap, not all is wanted
FRAMES = [(0, 48), (24, 72), (60, 66), (96, 228), (216, 240)]  # those of BOUNDS at 24 fps
UNEVEN = np.cumsum(np.random.default_rng(0).integers(10, 90, COUNT)).tolist()  # milliseconds


def make(
    path: Path,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    *,
    rate: int = 24,
    times: Sequence[int] | None = None,
    first: int = 0,
    count: int = COUNT,
) -> Path:
    """A video of 64 x 64 whose frames carry their numbers as bits in a grid of 3 x 3; times are in ms."""
    base = Fraction(1, 1000) if times else Fraction(1, rate)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=X264 if options is None else options)
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        if times:
            stream.codec_context.time_base = base
        for number in range(count):
            picture = np.full((64, 64, 3), 90, np.uint8)
            for bit in range(9):
                y, x = 21 * (bit // 3), 21 * (bit % 3)
                picture[y : y + 21, x : x + 21] = 235 * (number >> bit & 1)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = (times[number] if times else number + first), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def numbers(array: np.ndarray) -> list[int]:
    """The numbers that frames [M, T, side, side, 3] carry."""
    scale = array.shape[2] / 64
    places = [int((21 * at + 10) * scale) for at in range(3)]
    return [
        sum(int(picture[places[bit // 3], places[bit % 3]].mean() > 127) << bit for bit in range(9))
        for picture in array.reshape(-1, *array.shape[2:])
    ]


def spread(first: int, stop: int, frames: int = 4) -> list[int]:
    """What a sampling that spreads its frames takes of first..stop-1, by its definition."""
    return [first + math.floor((j + 0.5) * (stop - first) / frames) for j in range(frames)]


def good(results: list[Frames | VideoError]) -> list[Frames]:
    assert all(isinstance(one, Frames) for one in results), results
    return [one for one in results if isinstance(one, Frames)]


def same(ours: Frames, theirs: Frames) -> None:
    for one, other in zip(ours.arrays, theirs.arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (ours.count, ours.fps, ours.present, ours.decoded) == (
        theirs.count,
        theirs.fps,
        theirs.present,
        theirs.decoded,
    )


@pytest.fixture
def sequential(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Reads without seeking."""

    def reading(*given: Any) -> list[Frames | VideoError]:
        with monkeypatch.context() as patch:
            patch.setattr(windows, "LONG", 1 << 30)
            return windows.read(*given)

    return reading


CASES: dict[str, tuple[str, dict[str, str] | None, bool]] = {  # codec, options, whether it can be sought
    "b-frames.mp4": ("libx264", None, True),
    "b-frames.mkv": ("libx264", None, True),
    "open.mp4": ("libx264", {**X264, "x264-params": "open-gop=1"}, True),
    "hevc-open.mp4": ("libx265", {"x265-params": "log-level=none:keyint=40:open-gop=1:bframes=4"}, True),
    "intra.mp4": ("libx264", {**X264, "g": "1"}, True),
    "vp9.webm": ("libvpx-vp9", {"g": "40", "lag-in-frames": "16", "auto-alt-ref": "1", "cpu-used": "8"}, True),
    "vp8.webm": ("libvpx", {"cpu-used": "8", "b": "4000000"}, False),
    "stream.ts": ("libx264", X264, False),
    "b-frames.avi": ("mpeg4", {"bf": "2", "b": "4000000"}, False),
    "h264.avi": ("libx264", X264, False),
    "mpeg2.mpg": ("mpeg2video", {"bf": "2", "b": "4000000"}, False),
}


@pytest.mark.parametrize("name", CASES)
def test_windows_have_their_frames_in_any_company(tmp_path: Path, name: str, sequential: Any) -> None:
    codec, options, seekable = CASES[name]
    path = make(tmp_path / name, codec, options)
    together = good(windows.read(path, [FOUR, CLIPS], BOUNDS))
    for one, (first, stop) in zip(together, FRAMES, strict=True):
        assert (one.count, one.passes, one.sought) == (stop - first, 1, seekable)
        assert numbers(one.arrays[0]) == spread(first, stop)
        assert one.fps == pytest.approx(24, rel=0.01)
    for one, other in zip(together, good(sequential(path, [FOUR, CLIPS], BOUNDS)), strict=True):
        same(one, other)
        assert not other.sought
    for groups in ([BOUNDS[:2], BOUNDS[2:]], [[one] for one in BOUNDS]):
        apart = good([frames for group in groups for frames in windows.read(path, [FOUR, CLIPS], group)])
        for one, other in zip(together, apart, strict=True):
            same(one, other)
    for one, other in zip(together, good(windows.read(path, [CLIPS], BOUNDS)), strict=True):
        np.testing.assert_array_equal(one.arrays[1], other.arrays[0])


def test_the_window_that_is_all_equals_the_video(tmp_path: Path, sequential: Any) -> None:
    path = make(tmp_path / "a.mp4")
    seen = probe(path)
    whole = read_whole(path, [FOUR, CLIPS], seen.packets, seen.fps)
    for how in (windows.read, sequential):
        for bounds in ((0.0, math.inf), (0.0, 10.0)):
            same(good(how(path, [FOUR, CLIPS], [bounds]))[0], whole)


@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mkv"])
def test_uneven_frames_belong_where_they_appear(tmp_path: Path, name: str, sequential: Any) -> None:
    path = make(tmp_path / name, times=UNEVEN)
    since = np.array(UNEVEN) - UNEVEN[0]
    bounds = [(0.0, 1.5), (1.5, 4.0), (3.0, 8.0)]
    for how in (windows.read, sequential):
        for one, (start, end) in zip(good(how(path, [FOUR], bounds)), bounds, strict=True):
            mine = np.flatnonzero((since >= 1000 * start) & (since < 1000 * end))
            assert one.count == len(mine)
            assert numbers(one.arrays[0]) == spread(mine[0], mine[-1] + 1)


@pytest.mark.parametrize("first", [-24, 48])
def test_times_count_from_the_first_frame_that_is_shown(tmp_path: Path, first: int) -> None:
    """An edit list hides the first second, or the video begins two seconds late."""
    path = make(tmp_path / "edit.mp4", first=first)
    hidden = max(-first, 0)
    one, two = good(windows.read(path, [FOUR], [(0.0, 1.0), (5.0, 6.0)]))
    assert numbers(one.arrays[0]) == spread(hidden, hidden + 24)
    assert numbers(two.arrays[0]) == spread(hidden + 120, hidden + 144)


def test_a_gif(tmp_path: Path) -> None:
    path = make(tmp_path / "a.gif", "gif", {}, rate=10, count=60)
    one, two = good(windows.read(path, [FOUR], [(0.0, 2.0), (3.0, 3.05)]))
    assert (one.count, two.count) == (20, 1)
    assert numbers(one.arrays[0]) == spread(0, 20)
    assert numbers(two.arrays[0]) == [30] * 4
    assert two.present == [4]


def test_a_window_outside_costs_itself(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4")
    one, outside, two = windows.read(path, [FOUR], [(0.0, 1.0), (10.5, 12.0), (9.0, 12.0)])
    assert isinstance(outside, VideoError)
    assert str(outside) == "the window begins at 10.5 s, but the video lasts 10 s"
    assert [numbers(frames.arrays[0]) for frames in good([one, two])] == [spread(0, 24), spread(216, 240)]


@pytest.mark.parametrize(
    ("name", "bf", "least", "most"), [("a.mp4", "0", 139, 139), ("b.mp4", "3", 70, 120), ("a.ts", "3", 142, 142)]
)
def test_each_frame_is_decoded_once(
    tmp_path: Path, name: str, bf: str, least: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 overlapping windows: sought, up to the last frame that is wanted; in sequence, up to the first behind them.

    B-frames that are neither wanted nor referred to are not decoded.
    """
    path = make(tmp_path / name, options={**X264, "bf": bf})
    decoded = 0

    def counted(function: Any) -> Any:
        def frames(*given: Any) -> Iterator[Any]:
            nonlocal decoded
            for frame in function(*given):
                decoded += 1
                yield frame

        return frames

    monkeypatch.setattr(seeking, "decoded", counted(seeking.decoded))
    monkeypatch.setattr(decoder, "decoded", counted(decoder.decoded))
    results = good(windows.read(path, [FOUR], [(second / 8, second / 8 + 1) for second in range(40)]))
    # The last is 4.875 to 5.875 s, frames 117 to 140, of which 3, 9, 15 and 21 behind its first are wanted.
    assert numbers(results[-1].arrays[0]) == [120, 126, 132, 138]
    assert least <= decoded <= most


def damaged(path: Path, first: int, last: int) -> Path:
    """Overwrite the packets of these frames, which are all keyframes or follow each other in the file."""
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for place, size in places[first : last + 1]:
        content[place + 8 : place + size] = bytes(size - 8)  # what a unit says of its length and kind stays
    path.write_bytes(content)
    return path


def test_a_damaged_part_costs_its_own_windows(tmp_path: Path, sequential: Any) -> None:
    """Frames 48 to 95 of a video of keyframes: what is lost there moves no other frame."""
    path = make(tmp_path / "a.mp4", options={**X264, "g": "1", "bf": "0"})
    bounds = [(second, second + 1.0) for second in range(0, 10)]
    before = good(windows.read(path, [FOUR], bounds))
    damaged(path, 48, 95)
    for how in (windows.read, sequential):
        results = how(path, [FOUR], bounds)
        for number in (0, 1, *range(4, 10)):
            assert isinstance(results[number], Frames)
            same(results[number], before[number])
        for number in (2, 3):
            assert isinstance(results[number], VideoError)
            assert str(results[number]) == "none of the window's 24 frames could be decoded"
    (half,) = good(windows.read(path, [FOUR], [(1.5, 2.5)]))  # frames 36 to 59: 12 are left, chosen from anew
    assert (half.count, half.passes) == (12, 2)
    assert numbers(half.arrays[0]) == spread(36, 48)


def test_a_sampling_that_undamaged_parts_can_serve_gets_what_is_promised(tmp_path: Path) -> None:
    path = damaged(make(tmp_path / "a.mp4", options={**X264, "g": "1", "bf": "0"}), 100, 101)
    every, one = Sampling(24, 48, 48), Sampling(1, 48, 48)  # of 96 to 119: each, and number 108
    (alone,) = good(windows.read(path, [one], [(4.0, 5.0)]))
    (both,) = good(windows.read(path, [every, one], [(4.0, 5.0)]))
    assert numbers(alone.arrays[0]) == numbers(both.arrays[1]) == [108]
    assert both.decoded == [22, 24]
    assert alone.decoded == [24]


def test_decord_reads_windows_too(tmp_path: Path) -> None:
    pytest.importorskip("decord")
    path = make(tmp_path / "a.mp4")
    theirs = good(windows.read(path, [FOUR], BOUNDS, "decord"))
    assert [numbers(one.arrays[0]) for one in theirs] == [spread(*span) for span in FRAMES]
    for one, other in zip(theirs, good(windows.read(path, [FOUR], BOUNDS)), strict=True):
        same(one, other)


def test_a_look_at_windows(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4")
    whole = probe(path)
    results = probe_windows(path, [*BOUNDS, (11.0, 12.0), (9.5, 11.0)])
    parts = [one for one in results if not isinstance(one, str)]
    assert results[5] == "the window begins at 11 s, but the video lasts 10 s"
    assert [one.packets for one in parts] == [one.expected for one in parts] == [48, 48, 6, 132, 24, 12]
    assert [one.seconds for one in parts] == pytest.approx([2, 2, 0.25, 5.5, 1, 0.5])
    assert {(one.fps, one.width, one.codec) for one in parts} == {(whole.fps, 64, "h264")}
    assert [bool(one.short) for one in parts] == [False] * 5 + [True]


def shown(jpeg: bytes) -> int:
    """The number in a thumbnail."""
    import io

    from PIL import Image

    return numbers(np.asarray(Image.open(io.BytesIO(jpeg)))[None, None])[0]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_each_window_has_a_thumbnail_of_its_own(tmp_path: Path, name: str) -> None:
    path = make(tmp_path / name, "mpeg4", {"g": "40", "b": "4000000"}) if name == "a.avi" else make(tmp_path / name)
    results = [one for one in probe_windows(path, BOUNDS) if not isinstance(one, str)]
    # Keyframes are 0, 40, 80, …: the first in the window, else its first frame. AVI does not tell when they are shown.
    expected = [0, 24, 60, 96, 216] if name == "a.avi" else [0, 40, 60, 120, 216]
    assert [shown(one.thumbnail) for one in results] == expected
    assert probe(path).thumbnail == results[0].thumbnail
