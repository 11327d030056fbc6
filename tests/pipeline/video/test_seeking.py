"""What is sought is, byte for byte, what decoding everything gives; what cannot be certain is refused."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from extractors.base import Sampling
from pipeline.video import reading
from pipeline.video.decoder import pictures
from pipeline.video.media import VideoError, opened
from pipeline.video.reading import probe, read
from pipeline.video.seeking import Start, Timetable, Unsure, frames, timetable

COUNT = 400  # frames of a made video
X264 = {"bf": "3", "g": "60", "sc_threshold": "0", "preset": "veryfast"}
X265 = "log-level=none:keyint=60:min-keyint=60:scenecut=0:"
VP9 = {"g": "60", "lag-in-frames": "16", "auto-alt-ref": "1", "cpu-used": "8"}
EVERY_60 = [0, 60, 120, 180, 240, 300, 360]
EVERY_250 = [0, 250]
UNEVEN = np.cumsum(np.random.default_rng(0).integers(10, 200, COUNT)).tolist()


def make(
    path: Path,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    *,
    rate: Fraction | int = 24,
    times: Sequence[int] | None = None,
    degrees: int = 0,
    first: int = 0,
) -> Path:
    """A moving picture of COUNT frames 96 x 64 that carry their numbers as bits along the top; times are in ms."""
    ground = np.random.default_rng(1).integers(0, 255, (4, 24, 3), dtype=np.uint8).repeat(16, axis=0).repeat(8, axis=1)
    base = Fraction(1, 1000) if times else 1 / Fraction(rate)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=X264 if options is None else options)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        if degrees:
            stream.set_display_rotation(degrees)
        if times:
            stream.codec_context.time_base = base
        for number in range(COUNT):
            picture = np.roll(ground, 3 * number, axis=1)[:, :96].copy()
            for bit in range(9):
                picture[:10, 10 * bit : 10 * bit + 10] = 255 * (number >> bit & 1)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = (times[number] if times else number + first), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def number(picture: np.ndarray) -> int:
    """The number that a frame carries."""
    return sum(int(picture[2:8, 10 * bit + 2 : 10 * bit + 8].mean() > 127) << bit for bit in range(9))


def everything(path: Path) -> list[np.ndarray]:
    return [picture() for picture in pictures(path)]


def sought(path: Path, numbers: Sequence[int]) -> dict[int, np.ndarray]:
    with opened(path) as (container, stream):
        table = timetable(container, stream)
        return {at: picture() for at, picture in frames(container, stream, table, numbers)}


def starts(path: Path) -> list[int]:
    with opened(path) as (container, stream):
        return [start.frame for start in timetable(container, stream).starts]


CASES: dict[str, tuple[str, dict[str, Any], list[int]]] = {
    "closed.mp4": ("libx264", {}, EVERY_60),
    "closed.mkv": ("libx264", {}, EVERY_60),
    "closed.mov": ("libx264", {}, EVERY_60),
    "fragmented.mp4": ("libx264", {"options": {**X264, "movflags": "frag_keyframe+empty_moov"}}, EVERY_60),
    "long-gop.mp4": ("libx264", {"options": {**X264, "g": "250"}}, EVERY_250),
    "intra.mp4": ("libx264", {"options": {**X264, "g": "1"}}, list(range(COUNT))),
    "interlaced.mp4": ("libx264", {"options": {**X264, "x264-params": "interlaced=1"}}, EVERY_60),
    "uneven.mp4": ("libx264", {"times": UNEVEN}, EVERY_60),
    "uneven.mkv": ("libx264", {"times": UNEVEN}, EVERY_60),
    "ntsc.mp4": ("libx264", {"rate": Fraction(30000, 1001)}, EVERY_60),
    "fast.mp4": ("libx264", {"rate": 60}, EVERY_60),
    "slow.mkv": ("libx264", {"rate": 5}, EVERY_60),
    "turned.mp4": ("libx264", {"degrees": 90}, EVERY_60),
    # Open groups: H.264 has one frame only that certainly needs nothing before it; HEVC says what may lead a keyframe.
    "open.mp4": ("libx264", {"options": {**X264, "x264-params": "open-gop=1"}}, [0]),
    "open.mkv": ("libx264", {"options": {**X264, "x264-params": "open-gop=1"}}, [0]),
    "refresh.mp4": ("libx264", {"options": {**X264, "x264-params": "intra-refresh=1"}}, [0]),
    "hevc.mp4": ("libx265", {"options": {"x265-params": X265 + "open-gop=0"}}, EVERY_60),
    "hevc-open.mp4": ("libx265", {"options": {"x265-params": X265 + "open-gop=1:bframes=4"}}, EVERY_60),
    "hevc-open.mkv": ("libx265", {"options": {"x265-params": X265 + "open-gop=1:bframes=4"}}, EVERY_60),
    "hevc-leading.mp4": ("libx265", {"options": {"x265-params": X265 + "open-gop=0:radl=2:bframes=4"}}, EVERY_60),
    "vp9.webm": ("libvpx-vp9", {"options": VP9}, EVERY_60),
    "vp9.mp4": ("libvpx-vp9", {"options": VP9}, EVERY_60),
    "av1.mp4": ("libsvtav1", {"options": {"preset": "12", "g": "60"}}, EVERY_60),
    "av1-forward.mp4": ("libsvtav1", {"options": {"preset": "12", "g": "60", "svtav1-params": "irefresh-type=1"}}, [0]),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_sought_is_what_decoding_everything_gives(tmp_path: Path, name: str):
    codec, how, expected = CASES[name]
    path = make(tmp_path / name, codec, **how)
    frame_starts, all_frames = starts(path), everything(path)
    assert len(all_frames) == COUNT
    if codec == "libx265":  # it moves keyframes a little: leading pictures are shown before them
        assert len(frame_starts) == len(expected)
    else:
        assert frame_starts == expected
    # Around each start, where leading pictures and late output would show; single frames; the ends.
    near = {start + step for start in frame_starts[:40] for step in range(-4, 4)} | {17, 130, 211, COUNT - 1}
    for numbers in (sorted(near & set(range(COUNT))), [0, COUNT - 1], [COUNT - 1], [199]):
        pictures_ = sought(path, numbers)
        assert list(pictures_) == numbers
        for at, picture in pictures_.items():
            np.testing.assert_array_equal(picture, all_frames[at], err_msg=f"frame {at}")
            assert number(np.rot90(picture, -1) if name == "turned.mp4" else picture) == at


@pytest.mark.parametrize(
    ("name", "codec", "options", "reason"),
    [
        ("a.avi", "mpeg4", {"b": "4000000"}, "container"),
        ("a.ts", "libx264", X264, "container"),
        ("a.mp4", "mpeg4", {"b": "4000000"}, "codec"),
        ("a.webm", "libvpx", {"cpu-used": "8"}, "codec"),
    ],
)
def test_other_kinds_are_refused(tmp_path: Path, name: str, codec: str, options: dict[str, str], reason: str):
    with pytest.raises(Unsure, match=reason):
        starts(make(tmp_path / name, codec, options))


def test_an_edit_list_that_hides_frames_is_refused(tmp_path: Path):
    with pytest.raises(Unsure, match="hidden"):
        starts(make(tmp_path / "a.mp4", first=-10))


def test_runs_begin_at_the_last_start_and_the_share_counts_what_they_decode():
    table = Timetable(list(range(0, 1000, 10)), [Start(0, 0), Start(40, 400), Start(60, 600)])
    assert table.runs([3, 39, 40, 45, 99]) == {Start(0, 0): [3, 39], Start(40, 400): [40, 45], Start(60, 600): [99]}
    assert table.share([3, 39, 40, 45, 99]) == pytest.approx((40 + 6 + 40) / 100)
    assert table.share([]) == 0


def test_a_frame_that_does_not_come_when_planned_is_not_taken(tmp_path: Path):
    path = make(tmp_path / "a.mp4")
    with opened(path) as (container, stream):
        true = timetable(container, stream)
        late = Timetable([*true.times[:65], *[time + 1 for time in true.times[65:]]], true.starts)
        assert [at for at, _ in frames(container, stream, late, [61, 64])] == [61, 64]
        with pytest.raises(Unsure, match="frame 65 is missing"):
            list(frames(container, stream, late, [61, 66]))
        with pytest.raises(Unsure, match="seeking led to"):
            list(frames(container, stream, Timetable(true.times, [Start(30, true.times[30])]), [31]))
        more = Timetable([*true.times, true.times[-1] + 1], true.starts)
        with pytest.raises(Unsure, match="ends before frame 400"):
            list(frames(container, stream, more, [COUNT]))


# video.read, which decides.

FEW = Sampling(3, 32, 32, clips=2, stride=2)  # frames 0, 2, 4 and 395, 397, 399: 5 + 40 of 400 are to be decoded
MIDDLE = Sampling(1, 48, 40)  # frame 200: 21 of 400
MANY = Sampling(100, 16, 16)


def without_seeking(path: Path, samplings: list[Sampling]) -> reading.Frames:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "SPARSE", -1.0)
        seen = probe(path)
        frames_ = read(path, samplings, seen.packets, seen.fps)
    assert not frames_.sought
    return frames_


def with_seeking(path: Path, *samplings: Sampling) -> reading.Frames:
    seen = probe(path)
    return read(path, samplings, seen.packets, seen.fps)


def same(ours: reading.Frames, theirs: reading.Frames) -> None:
    for one, other in zip(ours.arrays, theirs.arrays, strict=True):
        np.testing.assert_array_equal(one, other)


def damage(path: Path, *numbers: int) -> Path:
    """Overwrite these packets, counted in the order of the file."""
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for at in numbers:
        start, size = places[at]
        content[start + 5 : start + size] = b"\xff" * (size - 5)  # the unit's length and kind stay
    path.write_bytes(content)
    return path


def test_sparse_frames_are_sought_and_equal(tmp_path: Path):
    path = make(tmp_path / "a.mp4")
    ours, theirs = with_seeking(path, FEW, MIDDLE), without_seeking(path, [FEW, MIDDLE])
    assert not theirs.sought
    assert (ours.sought, ours.count, ours.passes) == (True, COUNT, 1)
    assert (theirs.count, theirs.passes, ours.fps) == (COUNT, 1, theirs.fps)
    same(ours, theirs)


@pytest.mark.parametrize("other", [MANY, Sampling(8, 16, 16)], ids=["many", "all over"])
def test_samplings_that_need_most_of_it_decode_all(tmp_path: Path, other: Sampling):
    path = make(tmp_path / "a.mp4", options={**X264, "g": "250"})
    both, alone = with_seeking(path, FEW, other), without_seeking(path, [FEW])
    assert not both.sought
    np.testing.assert_array_equal(both.arrays[0], alone.arrays[0])


def test_a_short_video_is_simply_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = make(tmp_path / "a.mp4")
    monkeypatch.setattr(reading, "LONG", COUNT + 1)
    assert not with_seeking(path, MIDDLE).sought


def test_damage_where_nobody_looks_changes_nothing(tmp_path: Path):
    """The frames of a sampling are the same, whether it is alone or another one meets the damage."""
    path = damage(make(tmp_path / "a.mp4", options={**X264, "bf": "0"}), 60, 70, 75)
    alone, both = with_seeking(path, MIDDLE), with_seeking(path, MIDDLE, MANY)
    assert (alone.sought, alone.count, both.sought) == (True, COUNT, False)
    assert both.count < COUNT
    np.testing.assert_array_equal(alone.arrays[0], both.arrays[0])
    np.testing.assert_array_equal(with_seeking(path, MANY).arrays[0], both.arrays[1])


def test_damage_on_the_way_means_decoding_all(tmp_path: Path):
    path = damage(make(tmp_path / "a.mp4"), 185, 190)
    ours = with_seeking(path, MIDDLE)
    assert not ours.sought
    same(ours, without_seeking(path, [MIDDLE]))


def test_another_count_than_promised_is_not_trusted(tmp_path: Path):
    path = make(tmp_path / "a.mp4")
    frames_ = read(path, [MIDDLE], COUNT + 50, 24.0)
    assert (frames_.sought, frames_.count, frames_.passes) == (False, COUNT, 2)
    np.testing.assert_array_equal(frames_.arrays[0], with_seeking(path, MIDDLE).arrays[0])


@pytest.mark.slow
def test_real_files_give_the_same_frames_or_are_refused(data: Path):
    files = sorted((data / "robustness").iterdir()) + sorted((data / "droid" / "videos").iterdir())[:40:8]
    files += sorted(path for path in (data / "msvd" / "videos").iterdir() if path.stat().st_size < 300_000)[:8]
    done = 0
    for path in (path for path in files if path.suffix not in (".json", ".md", ".txt", ".csv")):
        try:
            with opened(path) as (container, stream):
                table = timetable(container, stream)
                count = len(table.times)
                numbers = sorted({0, count // 3, count // 2, count - 1})
                sought = {at: picture() for at, picture in frames(container, stream, table, numbers)}
            decoded, theirs = 0, {}
            for at, picture in enumerate(pictures(path)):
                decoded = at + 1
                if at in numbers:
                    theirs[at] = picture()
        except (Unsure, VideoError):
            continue
        if decoded != count:  # video.read compares with the promise of the packets
            continue
        done += 1
        for at, picture in sought.items():
            np.testing.assert_array_equal(picture, theirs[at], err_msg=f"{path.name}: frame {at}")
    assert done > 12
