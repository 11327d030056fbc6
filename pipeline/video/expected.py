"""How many frames a file should give, and what to say of one that gives fewer.

The rule: frames are expected by the packets that hold a picture to show, or by what the container states, if that is
more: the entries of an mp4's index, but hidden and empty ones and second fields; elsewhere the frames that should
follow the last packet up to the end that the header states by its count of frames (AVI) or its duration. They are
expected at the typical rate or the mean one with its pauses, whichever is less, after a pause as long as the longest
of the file. An end that nobody can mean, or that a whole FLV states, expects nothing. A video of which less than NOTED
of the frames can be had is noted, one with less than the `least` of the decode stage counts as failed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.video.timeline import Timeline

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

NOTED = 0.9  # part of the expected frames; a file that gives less is noted
STATING = {"mp4", "matroska", "avi", "flv", "asf"}  # containers whose end is stated, not worked out from the packets
COUNT = "the container's count"
SHARED = {"matroska", "flv", "asf"}  # those that may state one end for all streams, so that sound has to be looked at
SLACK = 0.2  # seconds; an end that is stated so little too late says nothing
DAY, ABSURD = 86_400, 1000  # seconds, times the length of all packets: an end beyond both is damage, or a header's lie


@dataclass(frozen=True)
class Expected:
    """How many frames a file should give, and who says so."""

    frames: int
    by: str  # "its packets", "the container's count" or "the container's duration"


def expected(container: InputContainer, stream: VideoStream, timeline: Timeline) -> Expected:
    """What is expected of a stream whose packets have all passed by the timeline."""
    kinds = set(container.format.name.split(","))
    result = Expected(max(timeline.packets - timeline.silent, 1), "its packets")
    if "mp4" in kinds:  # the index is what its edit lists leave; the header of the track counts what they cut away too
        indexed = len(stream.index_entries) - timeline.hidden - timeline.silent - timeline.halves
        if indexed > result.frames:
            result = Expected(indexed, COUNT)
    end = _end(container, stream, timeline) if kinds & STATING else 0.0
    missing = 0.0 if end > max(DAY, ABSURD * timeline.length) else end - timeline.end
    if missing > SLACK and not ("flv" in kinds and _ends_whole(Path(container.name.removeprefix("file:")))):
        rate = timeline.fps(stream)
        if timeline.length:
            rate = min(rate, timeline.packets / timeline.length)
        pause = max(timeline.longest - 1 / rate, 0.0)  # the last frame may be held as long as any before it
        lasting = timeline.packets - timeline.silent + math.floor(max(missing - pause, 0.0) * rate + 0.01)
        if lasting > result.frames:
            result = Expected(lasting, COUNT if "avi" in kinds else "the container's duration")
    return result


def frames_in_words(count: int, frames: int, by: str) -> str:
    """How many of its frames a video gives, in words."""
    return f"{count} of {frames} frames ({math.floor(100 * count / max(frames, 1))} %), counted by {by}"


def advice(needed: int) -> str:
    """The advice in the message about a video that gives too few frames."""
    return f"decode.least asks for {needed}: get the file anew, or lower decode.least to use it as it is"


def _end(container: InputContainer, stream: VideoStream, timeline: Timeline) -> float:
    """When the stream should end, in seconds; 0 where nothing is stated."""
    base = float(stream.time_base or 0)
    if "avi" in container.format.name.split(","):
        end = stream.frames * base  # a tick each, those for which there is no packet too
    elif stream.duration:
        end = ((stream.start_time or 0) + stream.duration) * base
    elif "DURATION" in stream.metadata:  # Matroska's, of this stream
        end = _seconds(stream.metadata["DURATION"])
    else:
        end = (container.duration or 0) / 1e6
    # Some containers state one end for all streams: where sound goes on up to it, nothing was cut off.
    return end if end - timeline.others_end > SLACK else 0.0


def _ends_whole(path: Path) -> bool:
    """Whether an FLV ends with a whole tag: where it was cut off, its last 4 bytes are no size of the tag before."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 4, 0))
        tag = int.from_bytes(file.read(4), "big")
        if not 11 <= tag <= size - 4:
            return False
        file.seek(size - 4 - tag)
        head = file.read(4)
    return head[0] & 0x1F in (8, 9, 18) and int.from_bytes(head[1:], "big") == tag - 11  # sound, pictures, script


def _seconds(text: str) -> float:
    """HH:MM:SS.fraction in seconds; 0 for anything else, such as `inf:00:00`."""
    try:
        hours, minutes, seconds = map(float, text.split(":"))
    except ValueError:
        return 0.0
    total = 3600 * hours + 60 * minutes + seconds
    return total if math.isfinite(total) else 0.0
