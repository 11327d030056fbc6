"""A small picture of each window of a video, for little: keyframes are sought, and what lies between is rarely decoded.

They are for people: where seeking is not exact, all is decoded once up to the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.video import pixels
from pipeline.video.decoder import Picture, decoded, rgb, timed
from pipeline.video.media import VideoError, opened
from pipeline.video.spans import FrameTable, Numbering, Span

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

EXACT = {"mp4", "matroska"}  # containers in which FFmpeg seeks to the keyframe that is asked for


def thumbnails(path: Path, table: FrameTable, spans: Sequence[Span], kinds: set[str]) -> list[bytes]:
    """A JPEG of a frame of each span: its first keyframe, or its first frame; b"" where it gives none.

    kinds: FFmpeg's names of the file's container.
    """
    if not spans:
        return []
    numbers = [_number(table, span) for span in spans]
    jpegs = _sought(path, table, set(numbers)) if kinds & EXACT and len(table.keys) else None
    if jpegs is None:
        jpegs = _in_sequence(path, table, set(numbers))
    places = sorted(jpegs)
    result = []
    for number, span in zip(numbers, spans, strict=True):
        at = int(np.searchsorted(places, number))  # the very frame, or the next one that came
        result.append(jpegs[places[at]] if at < len(places) and places[at] < span.stop else b"")
    return result


def _number(table: FrameTable, span: Span) -> int:
    """The frame to show of a span."""
    if table.marks is None:
        return span.first
    at = np.searchsorted(table.keys, table.marks[span.first])
    if at == len(table.keys):
        return span.first
    number = int(np.searchsorted(table.marks, table.keys[at]))
    return number if number < span.stop else span.first


def _in_sequence(path: Path, table: FrameTable, numbers: set[int]) -> dict[int, bytes]:
    """JPEGs by frame number, decoded in sequence; where a wanted frame is lost, the next one stands in."""
    return _shown(((mark, picture) for mark, picture in timed(path)), Numbering(table), sorted(numbers))


def _shown(frames: Iterator[tuple[int | None, Picture]], numbering: Numbering, numbers: list[int]) -> dict[int, bytes]:
    jpegs: dict[int, bytes] = {}
    waiting = numbers[::-1]
    try:
        for mark, picture in frames:
            number = numbering.number(mark)
            if waiting and waiting[-1] <= number:
                jpegs[number] = pixels.thumbnail(picture())
                while waiting and waiting[-1] <= number:
                    waiting.pop()
            if not waiting:
                break
    except (VideoError, OSError, ValueError):  # damage ends it
        pass
    return jpegs


def _sought(path: Path, table: FrameTable, numbers: set[int]) -> dict[int, bytes] | None:
    """JPEGs by frame number, found by seeking to the last keyframe before each; None where seeking is not exact."""
    import av
    from av.video.reformatter import VideoReformatter

    assert table.marks is not None
    jpegs: dict[int, bytes] = {}
    reformatter = VideoReformatter()
    try:
        with opened(path) as (container, stream):
            frames: Iterator[VideoFrame] = iter(())
            frame: VideoFrame | None = None
            for number in sorted(numbers):
                mark = int(table.marks[number])
                key = int(table.keys[max(int(np.searchsorted(table.keys, mark, side="right")) - 1, 0)])
                if frame is None or frame.pts is None or frame.pts < key:
                    container.seek(key, stream=stream)
                    frames = _from(container, stream)
                    frame = next(frames, None)
                    if frame is None or frame.pts is None or frame.pts > max(key, mark):
                        return None
                while frame is not None and (frame.pts is None or frame.pts < mark):
                    frame = next(frames, None)
                if frame is not None and frame.pts is not None:
                    at = int(np.searchsorted(table.marks, frame.pts))
                    if at not in jpegs:
                        jpegs[at] = pixels.thumbnail(rgb(frame, reformatter))
    except (av.FFmpegError, OSError, ValueError, VideoError):
        return None
    return jpegs


def _from(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    return decoded(container.demux(stream), stream, lambda packet: None)
