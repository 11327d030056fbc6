"""The frames of a video file from its first to its last, by PyAV (FFmpeg).

Each frame is converted by what it says itself of its size, pixels, colours, fields and turn: these may change on the
way, and what a frame becomes must not depend on which others were wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.video.media import LARGEST, VideoError, opened, words
from pipeline.video.pixels import Orientation

if TYPE_CHECKING:
    import av
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

Picture = Callable[[], np.ndarray]  # -> [H, W, 3] uint8 RGB, upright; converted only when called, before the next one


def version_of(package: str) -> str:
    """The name of a package and its version here."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


VERSION = version_of("av")  # what a shard says of its decoder; PyAV is not imported for it


def pictures(path: Path) -> Iterator[Picture]:
    """All frames in the order of showing. Raises VideoError."""
    for _, picture in timed(path):
        yield picture


def timed(path: Path) -> Iterator[tuple[int | None, Picture]]:
    """All frames, each with its own time in ticks of the stream, or None."""
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()  # keeps its tables from frame to frame
    with opened(path) as (container, stream):
        for frame in decoded(container.demux(stream), stream, lambda packet: None):
            yield frame.pts, partial(rgb, frame, reformatter)


def decoded(
    packets: Iterator[av.Packet[Any]], stream: VideoStream, seen: Callable[[av.Packet[Any]], None]
) -> Iterator[VideoFrame]:
    """The frames of a stream that can be decoded: a damaged packet costs its own, a cut-off file what was cut off.

    `packets` may be those of other streams too; `seen` is called with each. Raises VideoError when there is not a
    single frame, MemoryError for want of memory: that is no damage, and going on would leave frames out.
    """
    import av

    trouble: BaseException | None = None
    any_frame = False
    while True:
        try:
            packet = next(packets, None)  # the last one is empty and flushes the decoder
        except MemoryError:
            raise
        except (av.FFmpegError, OSError) as error:
            trouble, packet = error, None
        if packet is not None:
            seen(packet)
            if packet.stream_index != stream.index:
                continue
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
