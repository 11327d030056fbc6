"""Two ways to the frames of a video file, both from its first frame to its last: decord and PyAV.

decord is used where reading in sequence gave the very pixels of PyAV and FFmpeg: 8-bit 4:2:0 H.264, HEVC and VP9 of
even size in mp4, Matroska or WebM, progressive, one video stream, no frames hidden by an edit list. PyAV reads all the
rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.video.media import LARGEST, Timeline, VideoError, opened, words
from pipeline.video.pixels import Orientation

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

Picture = Callable[[], np.ndarray]  # -> [H, W, 3] uint8 RGB, upright; converted only when called, before the next one


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


VERSION = f"{_version('decord')}, {_version('av')}"  # part of fingerprints; decoder code is not imported for it


class Mistrust(Exception):
    """decord did not deliver what the packets promise; PyAV should read the file."""


def suits_decord(container: InputContainer, stream: VideoStream, timeline: Timeline, first: VideoFrame) -> bool:
    """Whether decord, read in sequence, is known to give the right frames of this file, whose first frame is given."""
    context = stream.codec_context
    return (
        bool({"mp4", "matroska"} & set(container.format.name.split(",")))
        and len(container.streams.video) == 1  # decord reads the stream that it thinks best
        and context.name in ("h264", "hevc", "vp9")
        and context.pix_fmt in ("yuv420p", "yuvj420p")  # its old converter differs in the colours of deeper pixels
        and context.width % 2 == 0  # and of odd sizes
        and context.height % 2 == 0
        and min(context.width, context.height) >= 32  # of 16 it makes frames of six channels
        and not first.interlaced_frame  # its colours of fields differ
        and timeline.orderly
        and not timeline.hidden
        and not orientation(first).mirrored  # it turns, but doesn't mirror
        and not _version("decord").startswith("no ")
    )


def pictures(path: Path, decoder: str, packets: int) -> Iterator[Picture]:
    """All frames in the order of showing. Raises VideoError, or Mistrust when it is "decord" that fails."""
    return _decord(path, packets) if decoder == "decord" else _pyav(path)


def decoded(container: InputContainer, stream: VideoStream, seen: Callable[[av.Packet], None]) -> Iterator[VideoFrame]:
    """The frames that PyAV can decode: a damaged packet costs its own frames, a cut-off file what was cut off.

    `seen` is called with each packet. Raises VideoError when there is not a single frame, MemoryError for want of
    memory: that is no damage, and going on would leave frames out.
    """
    import av

    trouble: BaseException | None = None
    any_frame = False
    demuxed = container.demux(stream)
    while True:
        try:
            packet = next(demuxed, None)  # the last one is empty and flushes the decoder
        except MemoryError:
            raise
        except (av.FFmpegError, OSError) as error:
            trouble, packet = error, None
        if packet is not None:
            seen(packet)
        try:
            frames = packet.decode() if packet is not None else stream.codec_context.decode(None)
        except MemoryError:
            raise
        except (av.FFmpegError, OSError) as error:
            if not isinstance(error, av.EOFError):
                trouble = error
            frames = []
        for frame in frames:
            if frame.width * frame.height <= LARGEST:
                any_frame = True
                yield frame
        if packet is None:
            break
    if not any_frame:
        raise VideoError(f"no frame could be decoded: {words(trouble) if trouble else 'the stream holds no picture'}")


def orientation(frame: VideoFrame) -> Orientation:
    """How this frame is to be turned, from its display matrix."""
    try:
        matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV cannot list side data of a kind that it has no name for; the angle it knows all the same
        return Orientation.turned(frame.rotation)
    return Orientation() if matrix is None else Orientation.of(bytes(matrix))


def rgb(frame: VideoFrame, reformatter: VideoReformatter) -> np.ndarray:
    """One frame as [H, W, 3] uint8, upright."""
    return orientation(frame).apply(reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray())


def _pyav(path: Path) -> Iterator[Picture]:
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()  # keeps its tables from frame to frame
    with opened(path) as (container, stream):
        for frame in decoded(container, stream, lambda packet: None):
            yield partial(rgb, frame, reformatter)


def _decord(path: Path, packets: int) -> Iterator[Picture]:
    """decord's frames, read in sequence; Mistrust on any error or when it counts other than `packets` frames."""
    try:
        import decord
    except ModuleNotFoundError as error:
        raise Mistrust("decord is not installed here") from error
    decord.logging.set_level(decord.logging.QUIET)
    try:
        reader = decord.VideoReader(str(path), num_threads=1)
        if len(reader) != packets:
            raise Mistrust(f"decord counts {len(reader)} frames, the packets {packets}")
        for _ in range(packets):
            frame = reader.next()
            if len(frame.shape) != 3 or frame.shape[2] != 3:
                raise Mistrust(f"decord gives frames of shape {frame.shape}")
            yield frame.asnumpy
    except (decord.DECORDError, StopIteration, RuntimeError) as error:
        raise Mistrust(str(error)) from error
