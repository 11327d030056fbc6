"""A frame from the middle of a video or window, decoded in a process that can be killed.

A thumbnail is the first frame, which is sometimes black. What `decode` keeps stays as it is: the other frame is taken
when a page is made, so that no workspace becomes stale by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.pictures.plain import plain
from pipeline.video import pixels
from pipeline.video.decoder import decoded, rgb
from pipeline.video.media import VideoError, opened
from pipeline.workers.killable import Killable

SECONDS = 10.0  # that one video may take
MEMORY = 2.0  # GiB
FRAMES = 600  # decoded at most behind the keyframe that is sought


@dataclass(frozen=True)
class Where:
    """A file, and the part of it that should be shown."""

    path: str
    start: float = 0.0  # seconds
    end: float = math.inf  # seconds; math.inf: until the video's end


def middles(wanted: Sequence[Where], processes: int) -> list[bytes]:
    """A JPEG of a middle frame of each, in order; b"" where there is none, or it is of one colour too."""
    if not wanted:
        return []
    with Killable(max(1, min(processes, len(wanted))), SECONDS, MEMORY) as workers:
        return [jpeg if isinstance(jpeg, bytes) else b"" for jpeg in workers.imap(middle, wanted)]


def middle(where: Where) -> bytes:
    """A JPEG of the frame in the middle; b"" where there is none, or it is of one colour. Runs in a decoder process."""
    import av
    from av.video.reformatter import VideoReformatter

    try:
        with opened(Path(where.path)) as (container, stream):
            length = float(container.duration or 0) / av.time_base if where.end == math.inf else where.end - where.start
            begin = stream.start_time or 0
            mark = begin + round((where.start + length / 2) / float(stream.time_base or 1))
            container.seek(mark, stream=stream)
            last = None
            for number, frame in enumerate(decoded(container.demux(stream), stream, lambda packet: None)):
                last = frame
                if frame.pts is None or frame.pts >= mark or number == FRAMES:
                    break
            if last is None:
                return b""
            picture = rgb(last, VideoReformatter())
    except (av.FFmpegError, OSError, ValueError, VideoError):
        return b""
    return b"" if plain(picture) else pixels.thumbnail(picture)
