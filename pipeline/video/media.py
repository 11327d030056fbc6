"""What a media file says of itself: opened safely, its video stream chosen, its packets counted, without decoding."""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import LaffError, printable

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

# One picture of this many pixels takes 300 MB as RGB; a broken header can claim far more than a machine holds.
LARGEST = 100_000_000


class VideoError(LaffError):
    """Why frames of a video cannot be had, in words for the person who has the file. Holds no path."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file's container and the video stream to read: FFmpeg's choice of the best, cover pictures aside.

    Only this file is read: a playlist that calls itself a video cannot fetch others over the network.
    Raises VideoError with the reason where there is no such stream.
    """
    import av

    start = _start(path)
    try:
        # "file:" keeps FFmpeg from reading a protocol out of a name such as "a:b.mp4".
        container = av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except MemoryError:  # PyAV's is an FFmpegError too, but says nothing about the file
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"cannot be opened ({words(error)}): {_guess(start)}") from error
    with container:
        yield container, _stream(container)


def words(error: BaseException) -> str:
    """FFmpeg's or Python's text of an error, without its number and path."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@dataclass
class Timeline:
    """What the packets of a stream tell while they pass by; those that an edit list hides are not counted."""

    packets: int = 0  # frames to expect
    hidden: int = 0  # packets that an edit list hides: decoders disagree about their frames
    orderly: bool = True  # each packet has a time of its own and is not marked as damaged
    first: float = math.inf  # seconds, when the first frame appears
    last: float = -math.inf  # seconds, when the last frame appears
    end: float = -math.inf  # seconds, when the last frame goes

    def __post_init__(self) -> None:
        self._seen: set[int] = set()

    def add(self, packet: av.Packet) -> None:
        """Take note of one packet; the empty ones that end a stream say nothing."""
        if not packet.size:
            return
        if packet.is_discard:
            self.hidden += 1
            return
        self.packets += 1
        if packet.pts is None or packet.is_corrupt or packet.pts in self._seen:
            self.orderly = False
        if packet.pts is None or packet.time_base is None:
            return
        self._seen.add(packet.pts)
        seconds = float(packet.pts * packet.time_base)
        self.first, self.last = min(self.first, seconds), max(self.last, seconds)
        self.end = max(self.end, seconds + float((packet.duration or 0) * packet.time_base))

    def seconds(self) -> float:
        """How long the stream is shown; 0 where its packets carry no times."""
        if self.packets == 0 or self.first == math.inf:
            return 0.0
        mean = (self.last - self.first) / (self.packets - 1) if self.packets > 1 else 0.0
        return max(self.end, self.last + (mean if self.end <= self.last else 0.0)) - self.first

    def fps(self, stream: VideoStream) -> float:
        """Frames per second: the header's rate where the packets bear it out (1 %), else what they show."""
        stated = float(stream.average_rate or stream.guessed_rate or 0)
        shown = (self.packets - 1) / (self.last - self.first) if self.packets > 1 and self.last > self.first else 0.0
        if shown and (not stated or abs(stated - shown) > 0.01 * shown):
            return shown
        return stated or 25.0  # a single picture that states nothing: any rate gives the same frames


def _start(path: Path) -> bytes:
    """The first bytes of a regular file that can be read, or VideoError."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe or a device might wait for ever
            raise VideoError("is a folder, not a file" if stat.S_ISDIR(status.st_mode) else "is not a regular file")
        if not status.st_size:
            raise VideoError("the file is empty (0 bytes)")
        with path.open("rb") as file:
            return file.read(64)
    except FileNotFoundError as error:
        if path.is_symlink():
            raise VideoError(
                f"is a link to nothing: {printable(str(path.readlink()))} is not here (a disk that is not mounted, or "
                "git-annex or DVC whose content was not fetched?)"
            ) from error
        raise VideoError("there is no such file") from error
    except OSError as error:
        raise VideoError(f"cannot be read ({words(error)})") from error


def _guess(start: bytes) -> str:
    """What a file that FFmpeg refuses might be, from its first bytes."""
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, not the video itself; `git lfs pull` fetches that"
    if start.lstrip()[:1] == b"<":
        return "it is a web page or XML, not a video; the download went wrong"
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "an mp4 without a usable index (moov); it was probably cut off while being written or downloaded"
    if not start.strip(b"\0"):
        return "it begins with zeros only; the download or copy did not finish"
    return "not a video, or damaged at its beginning"  # none of its bytes: a link may lead to a file that is private


def _stream(container: InputContainer) -> VideoStream:
    """FFmpeg's best video stream that is not a cover picture, with a decoder and a bearable size."""
    from av.stream import Disposition

    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        kinds = sorted({stream.type for stream in container.streams if stream.type != "video"})
        cover = " and a cover picture" if container.streams.video else ""
        raise VideoError(f"no video stream: {' and '.join(kinds)}{cover} only" if kinds else "no stream at all")
    best = container.streams.best("video")
    stream = next((one for one in moving if best is not None and one.index == best.index), moving[0])
    context = stream.codec_context
    if context is None:
        raise VideoError("no decoder for its video stream in this FFmpeg")
    if context.width * context.height > LARGEST:
        raise VideoError(f"frames of {context.width} x {context.height} pixels are too large (limit {LARGEST:,})")
    context.thread_count = 1  # a decoder process is one of many; more threads each would only get in each other's way
    context.thread_type = "NONE"
    return stream
