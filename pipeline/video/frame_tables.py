"""When the frames of a file are shown and where decoding can begin, by its packets. No frame is decoded.

It is kept for the file that was asked for last: a long video's windows come in several groups.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from pipeline.video import seeking
from pipeline.video.keyframes import Unsure
from pipeline.video.media import opened
from pipeline.video.probing import drain
from pipeline.video.seeking import Timetable
from pipeline.video.spans import FrameTable
from pipeline.video.timeline import Timeline


def frame_table(path: Path) -> FrameTable:
    """When each frame of a file is shown. Raises VideoError where it cannot be read."""
    return _frame_table(path, *_state(path))


def starts_of(path: Path) -> Timetable | None:
    """Where decoding can begin; None in a file in which that is not certain."""
    return _starts(path, *_state(path))


def _state(path: Path) -> tuple[int, int]:
    """Size and time of a file as it is now."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0  # who opens it says why
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=1)
def _frame_table(path: Path, size: int, changed: int) -> FrameTable:
    with opened(path) as (container, stream):
        timeline = Timeline(stream.codec_context.codec.canonical_name, stream.codec_context.extradata)
        drain(container.demux(stream), timeline.add)
        return timeline.frame_table(container, stream)


@lru_cache(maxsize=1)
def _starts(path: Path, size: int, changed: int) -> Timetable | None:
    with suppress(Unsure), opened(path) as (container, stream):
        return seeking.timetable(container, stream)
    return None
