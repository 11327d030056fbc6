"""Files that stay what they were found to be: they are held open, so that nothing that is put in their place is read.

A path leads to another file as soon as somebody changes a link on the way. An open file stays the same one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.serve.moments import Window
from pipeline.video.media import VideoError

DESCRIPTORS = Path("/proc/self/fd")  # of Linux; elsewhere the path is read once more
Mark = tuple[int, int, int, int]  # of a file: device, inode, size, date in ns


def mark(status: os.stat_result) -> Mark:
    """What tells a file from any other, and from what it was before a change."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def through(descriptor: int, path: str) -> str:
    """A path that leads to an open file of this process, whatever is at its own path now."""
    held = DESCRIPTORS / str(descriptor)
    return str(held) if held.exists() else path


def of_held(job: Callable[[Window], Sequence[bytes]], marked: Mark, window: Window) -> Sequence[bytes]:
    """job(window), of the file that has this mark alone. VideoError where another one is there."""
    try:
        descriptor = os.open(window.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not make this wait
    except OSError as error:
        raise VideoError(f"cannot be opened ({error.strerror})") from None
    try:
        if mark(os.fstat(descriptor)) != marked:
            raise VideoError("is not the file that was indexed any more")
        return job(replace(window, path=through(descriptor, window.path)))
    finally:
        os.close(descriptor)
