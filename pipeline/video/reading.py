"""Videos in, frames out: look at a file (`probe`), then decode it once for every Sampling that wants frames (`read`).

Both run in worker processes that can be killed (workers.killable): this module imports neither torch nor, before it is
used, a decoder. Sample aspect ratios are ignored: pixels count as square, as in the authors' features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from extractors.base import Sampling
from pipeline.video import pixels, seeking, stills
from pipeline.video.decoders import VERSION, Mistrust, Picture, decoded, orientation, pictures, rgb, suits_decord
from pipeline.video.media import Timeline, VideoError, opened, words
from pipeline.video.positions import present, wanted

SPARSE = 0.6  # seeking is worth it where at most this part of the frames has to be decoded (measured: to about 0.7)
DENSE = 0.5  # part of the frames that a sampling must want for decord to be worth it (measured)
LONG = 100  # frames; to open a shorter file takes as long as to decode it

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
    present: list[
        int
    ]  # for each Sampling how many of its M * T frames are the video's own: `pipeline.video.positions.present`
    sought: bool = False  # whether only the neighbourhoods of the wanted frames were decoded; count is of packets then


def probe(path: Path) -> Probe:
    """Look at a video file. Raises VideoError, whose text is the reason, when no frame of it can be had.

    So for a still picture, which FFmpeg takes for a video of one frame.
    """
    try:
        found = _look(path)
    except VideoError as error:
        if said := stills.refused(path):
            raise VideoError(said) from error
        raise
    if found.packets <= 1 and (said := stills.refused(path, found.container, found.codec)):
        raise VideoError(said)
    return found


def _look(path: Path) -> Probe:
    from av.video.reformatter import VideoReformatter

    timeline = Timeline()
    with opened(Path(path).absolute()) as (container, stream):
        frame = next(decoded(container, stream, timeline.add))
        try:
            picture = rgb(frame, VideoReformatter())
        except MemoryError:
            raise
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
    """Decode a video once and keep the frames that the samplings want, resized and cropped.

    `packets`, `decoder` and `fps` are those of its Probe; where packets or fps is 0, the file is looked through first.
    Frames are chosen from `packets`, and counted; if the count was another, they are chosen anew from the truth and
    the file is decoded again. Only chosen frames are kept, at their final size. When decord fails, PyAV starts over.

    Where every sampling wants little of a long video, only that is decoded if it can be had with certainty, the same
    bytes. A sampling's frames do not depend on the other samplings; in a damaged file, too, one that undamaged parts
    can serve by itself gets what the packets promise, whatever the others need. (Decoders may paint over damage in
    ways of their own, so there the bytes of the rest may hang on who decoded.)
    Raises VideoError.
    """
    path = Path(path).absolute()  # a name such as a:b.mp4 would be a protocol to decord
    if not packets or not fps:
        with opened(path) as (container, stream):
            timeline = Timeline()
            _drain(container, stream, timeline)
            packets, fps = packets or max(timeline.packets, 1), fps or timeline.fps(stream)
    few = _seek(path, samplings, packets, fps)
    if few is not None:
        return Frames(few, packets, "pyav", fps, 1, _present(samplings, packets, fps), sought=True)
    passes = 1
    if decoder == "decord" and not _dense(samplings, packets, fps):
        arrays, count = _decode(path, samplings, packets, "pyav", fps, packets)
        if count == packets:
            return Frames(arrays, count, "pyav", fps, passes, _present(samplings, count, fps))
        passes += 1  # damaged: as if many frames were wanted, so that what else is wanted changes nothing
    try:
        arrays, count = _decode(path, samplings, packets, decoder, fps, packets)
    except Mistrust:
        decoder, passes = "pyav", passes + 1
        arrays, count = _decode(path, samplings, packets, decoder, fps, packets)
    own = _present(samplings, count, fps)
    if count != packets:
        passes += 1
        arrays, again = _decode(path, samplings, count, decoder, fps, packets)
        if again != count:
            raise VideoError(f"gives {count} frames when decoded once and {again} when decoded again")
        for number, sampling in enumerate(samplings):
            alone = _seek(path, [sampling], packets, fps)
            if alone is not None:
                (arrays[number],), own[number] = alone, present(sampling, packets, fps)
    return Frames(arrays, count, decoder, fps, passes, own)


def _present(samplings: Sequence[Sampling], count: int, fps: float) -> list[int]:
    return [present(sampling, count, fps) for sampling in samplings]


def _dense(samplings: Sequence[Sampling], packets: int, fps: float) -> bool:
    """Whether one of the samplings wants most frames: decord converts them all, PyAV only those that are wanted."""
    return any(len(np.unique(wanted(sampling, packets, fps))) > DENSE * packets for sampling in samplings)


def _decode(
    path: Path, samplings: Sequence[Sampling], count: int, decoder: str, fps: float, packets: int
) -> tuple[list[np.ndarray], int]:
    """One pass that takes the video to have `count` frames -> (arrays, frames decoded)."""
    arrays, places = _empty(samplings), _places(samplings, count, fps)
    decoded_frames = 0
    for index, picture in enumerate(pictures(path, decoder, packets)):
        if index in places:
            _keep(picture, samplings, places.pop(index), arrays)
        decoded_frames = index + 1
    return _views(arrays), decoded_frames


def _seek(path: Path, samplings: Sequence[Sampling], packets: int, fps: float) -> list[np.ndarray] | None:
    """The arrays by seeking; None where that does not pay, for any sampling or for all together, or is not certain."""
    arrays, places = _empty(samplings), _places(samplings, packets, fps)
    groups = [sorted(set(wanted(sampling, packets, fps).tolist())) for sampling in samplings] + [sorted(places)]
    if packets < LONG or any(len(group) > SPARSE * packets for group in groups):
        return None
    try:
        with opened(path) as (container, stream):
            if seeking.hopeless(stream, packets):
                return None
            table = seeking.timetable(container, stream)
            if len(table.times) != packets or any(table.share(group) > SPARSE for group in groups):
                return None
            for index, picture in seeking.frames(container, stream, table, sorted(places)):
                _keep(picture, samplings, places[index], arrays)
    except seeking.Unsure:
        return None
    return _views(arrays)


def _places(samplings: Sequence[Sampling], count: int, fps: float) -> dict[int, dict[int, np.ndarray]]:
    """Where frames go: frame number -> sampling number -> places in its clips * T."""
    places: dict[int, dict[int, np.ndarray]] = {}
    for number, sampling in enumerate(samplings):
        indices = wanted(sampling, count, fps)
        for index in np.unique(indices):
            places.setdefault(int(index), {})[number] = np.flatnonzero(indices == index)
    return places


def _empty(samplings: Sequence[Sampling]) -> list[np.ndarray]:
    """For each Sampling [clips, crops, T, crop, crop, 3] uint8."""
    return [np.zeros((s.clips, s.crops, s.frames, s.crop, s.crop, 3), dtype=np.uint8) for s in samplings]


def _views(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """[clips, crops, T, crop, crop, 3] -> [M, T, crop, crop, 3]."""
    return [array.reshape(-1, *array.shape[2:]) for array in arrays]


def _keep(
    picture: Picture, samplings: Sequence[Sampling], rows: dict[int, np.ndarray], arrays: list[np.ndarray]
) -> None:
    """Put one frame where it is wanted; samplings that resize alike share the resized picture."""
    try:
        upright = np.ascontiguousarray(picture())
    except MemoryError:
        raise
    except (OSError, ValueError) as error:
        raise VideoError(f"a frame could not be converted to RGB: {words(error)}") from error
    resized: dict[tuple[int, str, bool, int, bool], np.ndarray] = {}
    for number, where in rows.items():
        s = samplings[number]
        key = (s.size, s.filter, s.antialias, s.width, s.rule == "mmaction2")
        if key not in resized:
            resized[key] = pixels.resize(upright, *key)
        for view, part in enumerate(pixels.crops(resized[key], s.crop, s.crops, s.rule)):
            arrays[number][where // s.frames, view, where % s.frames] = part


def _drain(container: object, stream: object, timeline: Timeline) -> None:
    """Let the packets that are left pass by the timeline; damage ends the stream."""
    import av

    try:
        for packet in container.demux(stream):  # type: ignore[attr-defined]
            timeline.add(packet)
    except MemoryError:
        raise
    except (av.FFmpegError, OSError):
        return
