"""Open a media file safely and choose its video stream, without decoding."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import LaffError, printable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

# One picture of this many pixels takes 300 MB as RGB; a broken header can claim far more than a machine holds.
LARGEST = 100_000_000


class VideoError(LaffError):
    """Frames of a video cannot be read; the text is the reason, for the owner of the file. It holds no path."""


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
    stream = next((candidate for candidate in moving if best is not None and candidate.index == best.index), moving[0])
    context = stream.codec_context
    if context is None:
        raise VideoError("no decoder for its video stream in this FFmpeg")
    if context.width * context.height > LARGEST:
        raise VideoError(f"frames of {context.width} x {context.height} pixels are too large (limit {LARGEST:,})")
    context.thread_count = 1  # a decoder process is one of many; more threads each would only get in each other's way
    context.thread_type = "NONE"
    return stream
