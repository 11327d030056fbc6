"""The right frames of any video: numbered by their grey level, and against a plain decode-all of PyAV."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from extractors.base import Sampling
from pipeline.video.decoder import VERSION, decoded, orientation
from pipeline.video.media import VideoError
from pipeline.video.pixels import Orientation
from pipeline.video.reading import probe, read

EVERY = Sampling(frames=48, size=16, crop=16)  # of a video of 48 frames: each frame
HEVC = "log-level=none:bframes=4:open-gop=1:keyint=12"


def make(
    path: Path,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    *,
    numbers: Sequence[int] = range(48),
    times: Sequence[int] | None = None,
    size: tuple[int, int] = (96, 64),
    pixels: str = "yuv420p",
    degrees: float = 0,
    matrix: Sequence[int] | None = None,
) -> Path:
    """A video at 24 fps, or of the given times in ms, whose frame k is grey 20 + 4k with a white top left corner."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24, options=options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        if degrees:
            stream.set_display_rotation(degrees)
        if matrix:
            stream.set_display_matrix(matrix)
        base = Fraction(1, 1000) if times else Fraction(1, 24)
        if times:
            stream.codec_context.time_base = base
        for place, number in enumerate(numbers):
            picture = np.full((size[1], size[0], 3), 20 + 4 * number, dtype=np.uint8)
            picture[: size[1] // 4, : size[0] // 4] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = times[place] if times else place, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def levels(array: np.ndarray) -> list[int]:
    """The numbers that the frames [M, T, H, W, 3] carry in their centre."""
    centre = array.reshape(-1, *array.shape[2:])[:, array.shape[2] // 2, array.shape[3] // 2]
    return [round((float(pixel.mean()) - 20) / 4) for pixel in centre]


def look(path: Path, *samplings: Sampling) -> Any:
    """Probe and read with what the probe says."""
    seen = probe(path)
    return seen, read(path, samplings, seen.packets, seen.fps)


UNEVEN = np.cumsum(np.random.default_rng(0).integers(10, 200, 48)).tolist()
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "b-frames.mp4": ("libx264", {"bf": "3"}),
    "open-gop.mp4": ("libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=12"}),
    "open-gop.mkv": ("libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=12"}),
    "hevc-open-gop.mp4": ("libx265", {"x265-params": HEVC}),
    "fragmented.mp4": ("libx264", {}),
    "vp9.webm": ("libvpx-vp9", {"lag-in-frames": "16", "auto-alt-ref": "1", "cpu-used": "8"}),
    "interlaced.mp4": ("libx264", {"x264-params": "interlaced=1"}),
    "vp8.webm": ("libvpx", {"cpu-used": "8", "b": "4000000"}),
    "av1.mp4": ("libsvtav1", {"preset": "12"}),
    "stream.ts": ("libx264", {"bf": "3"}),
    "b-frames.avi": ("mpeg4", {"bf": "2", "b": "4000000"}),
    "mpeg2.mpg": ("mpeg2video", {"bf": "2", "b": "4000000"}),
    "windows.wmv": ("wmv2", {"b": "4000000"}),
}


@pytest.mark.parametrize("name", CASES)
def test_each_frame_is_the_right_one(tmp_path: Path, name: str):
    codec, options = CASES[name]
    if name.startswith("fragmented"):
        options = {"movflags": "frag_keyframe+empty_moov"}
    path = make(tmp_path / name, codec, options)
    seen, frames = look(path, EVERY, Sampling(frames=4, size=32, crop=24, clips=2, stride=3, fps=12.0))
    assert (seen.packets, frames.count, frames.passes) == (48, 48, 1)
    assert levels(frames.arrays[0]) == list(range(48))
    assert levels(frames.arrays[1]) == [0, 6, 12, 18, 29, 35, 41, 47]  # 24 fps read as 12: six frames apart
    assert [array.shape for array in frames.arrays] == [(1, 48, 16, 16, 3), (2, 4, 24, 24, 3)]
    assert seen.fps == pytest.approx(24, rel=0.01)
    assert seen.seconds == pytest.approx(2, abs=0.09)


@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mkv"])
def test_variable_frame_rate_counts_frames_not_time(tmp_path: Path, name: str):
    seen, frames = look(make(tmp_path / name, times=UNEVEN), EVERY)
    assert levels(frames.arrays[0]) == list(range(48))
    mean = 47 / (UNEVEN[-1] - UNEVEN[0]) * 1000
    assert seen.fps == pytest.approx(mean, rel=0.02)


def test_frames_hidden_by_an_edit_list_are_not_there(hiding: Path):
    """The mp4 writer hides frames of negative time: players, FFmpeg and we show 38 of 48."""
    seen, frames = look(hiding, Sampling(frames=38, size=16, crop=16))
    assert (seen.packets, seen.expected, frames.count) == (38, 38, 38)
    assert levels(frames.arrays[0]) == list(range(10, 48))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotated_videos_stand_upright(tmp_path: Path, degrees: int):
    path = make(tmp_path / "turned.mp4", degrees=degrees, numbers=range(8))
    seen = probe(path)
    assert seen.rotation == degrees
    assert (seen.width, seen.height) == ((96, 64) if degrees % 180 == 0 else (64, 96))
    frames = read(path, [Sampling(8, 64, 64)], seen.packets, seen.fps)
    stored = np.zeros((64, 96))
    stored[:16, :24] = 1  # the white corner
    upright = np.rot90(stored, degrees // 90)
    top, left = (upright.shape[0] - 64) // 2, (upright.shape[1] - 64) // 2
    corner = upright[top : top + 64, left : left + 64] > 0
    first = frames.arrays[0][0, 0, :, :, 0]
    assert first[corner].mean() > 225
    assert first[~corner].mean() < 35
    assert levels(frames.arrays[0]) == list(range(8))


def test_a_mirrored_video_is_mirrored_back(tmp_path: Path):
    path = make(tmp_path / "selfie.mp4", matrix=[-(1 << 16), 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], size=(64, 64))
    seen, frames = look(path, Sampling(1, 64, 64))
    assert seen.rotation == 0
    first = frames.arrays[0][0, 0]
    assert first[2:14, 50:62].mean() > 240  # the corner now stands on the right
    assert first[2:14, 2:14].mean() < 150


def test_side_data_that_pyav_cannot_name_leaves_the_turn():
    class Frame:
        rotation = -90

        @property
        def side_data(self) -> None:
            raise ValueError("31 is not a valid Type")

    assert orientation(Frame()) == Orientation.turned(-90)  # type: ignore[arg-type]


def test_samplings_do_not_disturb_each_other(tmp_path: Path):
    wanted = [Sampling(5, 32, 32, filter="bicubic"), Sampling(7, 32, 20, filter="bicubic"), Sampling(2, 32, 32)]
    path = make(tmp_path / "a.mp4")
    together = read(path, wanted, 48, 24.0)
    for number, sampling in enumerate(wanted):
        alone = read(path, [sampling], 48, 24.0)
        np.testing.assert_array_equal(together.arrays[number], alone.arrays[0])


@pytest.mark.parametrize("promised", [30, 500])
def test_a_wrong_promise_is_counted_and_mended(tmp_path: Path, promised: int):
    frames = read(make(tmp_path / "a.mp4"), [EVERY], promised, 24.0)
    assert levels(frames.arrays[0]) == list(range(48))
    assert (frames.count, frames.decoded, frames.passes) == (48, [48], 2)


def test_what_the_caller_does_not_know_is_looked_up(tmp_path: Path):
    frames = read(make(tmp_path / "a.mp4"), [Sampling(4, 16, 16, stride=6, fps=12.0)], 0)
    assert levels(frames.arrays[0]) == [6, 18, 30, 42]  # reach 36 of 0..47: begins at 5.5
    assert frames.passes == 1
    assert frames.fps == pytest.approx(24)


def test_damaged_packets_cost_their_own_frames(tmp_path: Path):
    path = make(tmp_path / "a.mp4", options={"g": "1"})  # each frame stands alone
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    lost = [0, 7, 20]
    for number in lost:
        start, size = places[number]
        data[start : start + size] = b"\xff" * size
    path.write_bytes(data)
    seen, frames = look(path, Sampling(45, 16, 16))
    assert (seen.packets, frames.count, frames.decoded) == (48, 45, [45])
    assert levels(frames.arrays[0]) == [number for number in range(48) if number not in lost]


@pytest.mark.parametrize("when", ["reading", "decoding"])
def test_a_lack_of_memory_is_no_damage(when: str):
    """Going on as after a damaged packet would leave frames out."""

    class Packet:
        stream_index = 0

        def decode(self) -> None:
            raise av.error.MemoryError(12, "Cannot allocate memory")

    def packets() -> Iterator[Any]:
        if when == "reading":
            raise av.error.MemoryError(12, "Cannot allocate memory")
        yield Packet()

    with pytest.raises(MemoryError):
        next(decoded(packets(), SimpleNamespace(index=0), lambda packet: None))  # type: ignore[arg-type]


def test_a_cut_off_file_gives_what_is_left(tmp_path: Path):
    path = make(tmp_path / "a.mkv", options={"g": "1"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _, frames = look(path, EVERY)
    assert 15 <= frames.count <= 33
    shown = levels(frames.arrays[0])
    assert sorted(set(shown)) == list(range(frames.count))


def test_a_gif_of_one_picture_is_a_video_of_one_frame(tmp_path: Path):
    path = tmp_path / "a.gif"
    Image.fromarray(np.full((30, 50, 3), 60, dtype=np.uint8)).save(path)
    seen, frames = look(path, Sampling(3, 16, 16, clips=2, stride=5, fps=30.0))
    assert (frames.count, seen.width, seen.height) == (1, 50, 30)
    assert levels(frames.arrays[0]) == [10] * 6


def test_a_probe_tells_what_it_saw(tmp_path: Path):
    seen = probe(make(tmp_path / "a.mp4"))
    assert (seen.width, seen.height, seen.codec, seen.rotation) == (96, 64, "h264", 0)
    assert "mp4" in seen.container
    assert (seen.fps, seen.seconds) == (24.0, 2.0)
    assert seen.thumbnail.startswith(b"\xff\xd8")


@pytest.mark.parametrize("name", ["v:1.mp4", "http:x.mp4", "concat:a|b.mp4", "ünï cødé %03d.mp4", "-i.mp4"])
def test_odd_file_names_are_only_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "plain.mp4").rename(tmp_path / name)
    _, frames = look(Path(name), EVERY)
    assert levels(frames.arrays[0]) == list(range(48))


def test_the_version_names_the_decoder():
    assert f"av {av.__version__}" == VERSION


# Real files, against frames read in the plainest way.


def plain(path: Path) -> Iterator[av.VideoFrame]:
    """Each frame that PyAV decodes, packet by packet, errors passed over.

    In one thread: how FFmpeg fills in a damaged frame depends on the number of threads.
    """
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        assert stream is not None
        stream.codec_context.thread_count = 1
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue


def chosen(sampling: Sampling, count: int, rate: float) -> list[int]:
    """The numbers of the frames [M * T] that a sampling wants of `count`, formulas written out anew."""
    total = sampling.frames * sampling.clips
    if not sampling.stride:
        return [int((j + 0.5) * count / total) for j in range(total)]
    step = sampling.stride * rate / sampling.fps
    free = max(0.0, count - 1 - step * (sampling.frames - 1))
    return [
        min(count - 1, int(free * clip / (sampling.clips - 1) + step * k + 0.5))
        for clip in range(sampling.clips)
        for k in range(sampling.frames)
    ]


def small(picture: np.ndarray, sampling: Sampling) -> np.ndarray:
    """[H, W, 3] -> [crop, crop, 3]."""
    height, width = picture.shape[:2]
    short, size = min(height, width), sampling.size
    scaled = (int(size * width / short), int(size * height / short))
    way = Image.Resampling.BICUBIC if sampling.filter == "bicubic" else Image.Resampling.BILINEAR
    image = Image.fromarray(picture).resize(scaled, way)
    left, top = round((scaled[0] - sampling.crop) / 2), round((scaled[1] - sampling.crop) / 2)
    return np.asarray(image.crop((left, top, left + sampling.crop, top + sampling.crop)))


def expected(path: Path, samplings: Sequence[Sampling], count: int, rate: float) -> list[np.ndarray]:
    """For each sampling [M * T, crop, crop, 3] of a file of which `count` frames can be decoded, no more or less."""
    indices = [chosen(sampling, count, rate) for sampling in samplings]
    kept: list[dict[int, np.ndarray]] = [{} for _ in samplings]
    number = -1
    for number, frame in enumerate(plain(path)):
        if any(number in wanted for wanted in indices):
            picture = np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90))
            for sampling, wanted, pictures_ in zip(samplings, indices, kept, strict=True):
                if number in wanted:
                    pictures_[number] = small(picture, sampling)
    assert count == number + 1, path.name
    return [np.stack([shown[index] for index in wanted]) for shown, wanted in zip(kept, indices, strict=True)]


WANTED = [Sampling(8, 64, 64, filter="bicubic"), Sampling(4, 80, 72, clips=3, stride=4, fps=15.0)]


def agree(path: Path) -> SimpleNamespace:
    """Read a real file and hold it against the plain way."""
    seen, frames = look(path, *WANTED)
    for array, theirs in zip(frames.arrays, expected(path, WANTED, frames.count, seen.fps), strict=True):
        np.testing.assert_array_equal(array.reshape(theirs.shape), theirs, err_msg=path.name)
    return SimpleNamespace(seen=seen, frames=frames)


UNDECODABLE = {
    "moviepy__result.webm": "the file is empty (0 bytes)",
    "io__gs-16b-2c-44100hz.mp4": "no video stream: audio only",
    "torchcodec__gradient.webp": "is a still picture (WebP), not a video",
    "torchcodec__rgba.avif": "is a still picture (AVIF), not a video",
    "torchcodec__rgba.webp": "is a still picture (WebP), not a video",
}


@pytest.mark.slow
def test_robustness_files_give_the_right_frames_or_a_reason(data: Path):
    facts = json.loads((data / "robustness" / "facts.json").read_text())
    reasons, read_well = {}, 0
    for fact in facts:
        try:
            shown = agree(data / "robustness" / fact["video"])
        except VideoError as error:
            reasons[fact["video"]] = str(error)
            continue
        read_well += 1
        assert fact["probe"]["codec"] in (shown.seen.codec, "av1"), fact["video"]
        assert shown.seen.expected == shown.seen.packets, fact["video"]
    assert reasons == UNDECODABLE
    assert read_well == len(facts) - len(UNDECODABLE)


def test_msvd_and_droid_files_give_the_right_frames(data: Path):
    files = sorted((data / "droid" / "videos").iterdir())[:40:4]
    files += sorted(path for path in (data / "msvd" / "videos").iterdir() if path.stat().st_size < 500_000)
    for path in files:
        shown = agree(path)
        assert shown.frames.passes == 1, path.name
        assert shown.frames.count == shown.seen.expected, path.name


def test_no_descriptor_is_left_open(tmp_path: Path):
    path, broken = make(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    broken.write_bytes(path.read_bytes()[:500])
    look(path, EVERY)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        look(path, EVERY)
        with pytest.raises(VideoError):
            probe(broken)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
