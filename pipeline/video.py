"""Videos in, frames out: look at a file (`probe`), then decode it once for every Sampling that wants frames (`read`).

Both run in worker processes that can be killed (pipeline.killable): this module imports neither torch nor, before it
is used, a decoder. Sample aspect ratios are ignored: pixels count as square, as in the authors' features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from extractors.base import Sampling
from pipeline import pixels
from pipeline.decoders import VERSION, Mistrust, Picture, decoded, orientation, pictures, rgb, suits_decord
from pipeline.frames import wanted
from pipeline.media import Timeline, VideoError, opened, words

__all__ = ["VERSION", "Frames", "Probe", "VideoError", "probe", "read"]


@dataclass(frozen=True)
class Probe:
    """What one look at a file tells: all of its packets were read, its first frame was decoded."""

    packets: int  # frames to expect; the truth is counted in `read`
    seconds: float  # from the first frame's appearance to the last one's end; 0 if the file has no times
    fps: float  # frames per second, mean
    width: int  # pixels, upright
    height: int  # pixels, upright
    rotation: int  # 0, 90, 180 or 270: the counterclockwise turn that made frames upright
    codec: str
    container: str
    decoder: str  # "decord" or "pyav": who should read it
    thumbnail: bytes  # JPEG of the first frame, at most 160 pixels a side


@dataclass(frozen=True)
class Frames:
    """One video as the extractors want it, and how it was read."""

    arrays: list[np.ndarray]  # for each Sampling [M, T, crop, crop, 3] uint8 RGB
    count: int  # frames that were decoded
    decoder: str  # who decoded: "decord" or "pyav"
    fps: float
    passes: int  # times the file was decoded: 1, or more when decord failed or the packets promised another count


def probe(path: Path) -> Probe:
    """Look at a video file. Raises VideoError, whose text is the reason, when no frame of it can be had."""
    from av.video.reformatter import VideoReformatter

    timeline = Timeline()
    with opened(Path(path).absolute()) as (container, stream):
        frame = next(decoded(container, stream, timeline.add))
        try:
            picture = rgb(frame, VideoReformatter())
        except (OSError, ValueError) as error:
            raise VideoError(f"no frame could be decoded: {words(error)} (pixels {frame.format.name})") from error
        _drain(container, stream, timeline)
        return Probe(
            packets=max(timeline.packets, 1),
            seconds=timeline.seconds(),
            fps=timeline.fps(stream),
            width=picture.shape[1],
            height=picture.shape[0],
            rotation=orientation(frame).degrees,
            codec=stream.codec_context.codec.canonical_name,
            container=container.format.name,
            decoder="decord" if suits_decord(container, stream, timeline, frame) else "pyav",
            thumbnail=pixels.thumbnail(picture),
        )


def read(path: Path, samplings: Sequence[Sampling], packets: int, decoder: str, fps: float = 0.0) -> Frames:
    """Decode a video from end to end and keep the frames that the samplings want, resized and cropped.

    `packets`, `decoder` and `fps` are those of its Probe; where packets or fps is 0, the file is looked through first.
    Frames are chosen from `packets`, and counted; if the count was another, they are chosen anew from the truth and
    the file is decoded again. Only chosen frames are kept, at their final size. When decord fails, PyAV starts over.
    Raises VideoError.
    """
    path = Path(path).absolute()  # a name such as a:b.mp4 would be a protocol to decord
    if not packets or not fps:
        with opened(path) as (container, stream):
            timeline = Timeline()
            _drain(container, stream, timeline)
            packets, fps = packets or max(timeline.packets, 1), fps or timeline.fps(stream)
    passes = 1
    try:
        arrays, count = _decode(path, samplings, packets, decoder, fps, packets)
    except Mistrust:
        decoder, passes = "pyav", 2
        arrays, count = _decode(path, samplings, packets, decoder, fps, packets)
    if count != packets:
        passes += 1
        arrays, again = _decode(path, samplings, count, decoder, fps, packets)
        if again != count:
            raise VideoError(f"gives {count} frames when decoded once and {again} when decoded again")
    return Frames(arrays, count, decoder, fps, passes)


def _decode(
    path: Path, samplings: Sequence[Sampling], count: int, decoder: str, fps: float, packets: int
) -> tuple[list[np.ndarray], int]:
    """One pass that takes the video to have `count` frames -> (arrays, frames decoded)."""
    arrays = [np.zeros((s.clips * s.frames, s.crop, s.crop, 3), dtype=np.uint8) for s in samplings]
    places: dict[int, dict[int, np.ndarray]] = {}  # frame number -> sampling number -> rows of its array
    for number, sampling in enumerate(samplings):
        indices = wanted(sampling, count, fps)
        for index in np.unique(indices):
            places.setdefault(int(index), {})[number] = np.flatnonzero(indices == index)
    decoded_frames = 0
    for index, picture in enumerate(pictures(path, decoder, packets)):
        if index in places:
            _keep(picture, samplings, places.pop(index), arrays)
        decoded_frames = index + 1
    shapes = [(s.clips, s.frames, s.crop, s.crop, 3) for s in samplings]
    return [array.reshape(shape) for array, shape in zip(arrays, shapes, strict=True)], decoded_frames


def _keep(
    picture: Picture, samplings: Sequence[Sampling], rows: dict[int, np.ndarray], arrays: list[np.ndarray]
) -> None:
    """Put one frame where it is wanted; samplings of equal size and filter share the resized picture."""
    try:
        upright = picture()
    except (OSError, ValueError) as error:
        raise VideoError(f"a frame could not be converted to RGB: {words(error)}") from error
    resized: dict[tuple[int, str], np.ndarray] = {}
    for number, where in rows.items():
        sampling = samplings[number]
        key = (sampling.size, sampling.filter)
        if key not in resized:
            resized[key] = pixels.resize(upright, *key)
        arrays[number][where] = pixels.crop(resized[key], sampling.crop)


def _drain(container: object, stream: object, timeline: Timeline) -> None:
    """Let the packets that are left pass by the timeline; damage ends the stream."""
    import av

    try:
        for packet in container.demux(stream):  # type: ignore[attr-defined]
            timeline.add(packet)
    except (av.FFmpegError, OSError):
        return
