"""The frames of a video file from its first to its last as decord gives them.

For features that must equal those of other code, most of which reads with decord. Plain videos look the same by PyAV.
decord differs in the colours of ten-bit, interlaced and odd-sized pictures; it squeezes all pictures to the size of the
first, shows what an edit list hides, and repeats the last frame in the place of frames that lack. A file that it cannot
read whole it does not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.video.decoder import Picture, version_of
from pipeline.video.media import VideoError

VERSION = version_of("decord")
PLACE = re.compile(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ")  # when, and where in decord's code, as its messages begin


def pictures(path: Path) -> Iterator[Picture]:
    """All frames in the order of showing, upright. Raises VideoError."""
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    count = 0
    try:
        reader = decord.VideoReader(str(path), num_threads=1)  # one thread: this process is one of many
        for _ in range(len(reader)):
            frame = reader.next()
            if len(frame.shape) != 3 or frame.shape[2] != 3:  # pictures of 16 pixels have six channels
                raise VideoError(f"decord gives a frame of shape {list(frame.shape)}, not [H, W, 3]; {_advice()}")
            yield frame.asnumpy
            count += 1
    except (decord.DECORDError, StopIteration, RuntimeError) as error:
        raise VideoError(f"decord cannot read it ({_words(error, path)}); {_advice()}") from error
    if not count:
        raise VideoError(f"decord finds no frame in it; {_advice()}")


def count(path: Path) -> int:
    """How many frames `pictures` gives, unless it fails on the way. Raises VideoError."""
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    try:
        return len(decord.VideoReader(str(path), num_threads=1))
    except (decord.DECORDError, RuntimeError) as error:
        raise VideoError(f"decord cannot read it ({_words(error, path)}); {_advice()}") from error


def _words(error: BaseException, path: Path) -> str:
    """Decord's text in one line without clocks, places and the path: equal files fail with equal reasons."""
    (line, *_) = PLACE.sub("", str(error)).replace(f"[{path}] ", "").replace(f" {path}", "").splitlines() or [""]
    return line or type(error).__name__


def _advice() -> str:
    return "PyAV may read it (decode.decoder=pyav)"
