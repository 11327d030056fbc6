"""Clips that browsers play, stills and pictures, made of a window of a video, in processes that can be killed."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache
from typing import Any

from pipeline.pictures import middle
from pipeline.serve.moments import PIXELS, SIDE, Moment, Window, length, moments
from pipeline.video.media import VideoError
from pipeline.video.pixels import thumbnail

# What a clip is made with: the first encoder that PyAV has here, its container, and its options, quick ones.
ENCODERS = (
    ("libx264", "mp4", "video/mp4", {"preset": "superfast", "crf": "26", "threads": "1"}),
    ("libvpx-vp9", "webm", "video/webm", {"deadline": "realtime", "cpu-used": "8", "crf": "36", "b": "0"}),
    ("libvpx", "webm", "video/webm", {"deadline": "realtime", "cpu-used": "8", "crf": "12", "b": "2M"}),
)
MOST_FPS = 30
MOST_SECONDS = 60.0  # of a clip
MOST_BYTES = 32 << 20  # of a clip
STILLS = 8  # of a window
TICKS = 90_000  # a second, of a clip's times


@cache
def encoder() -> tuple[str, str, str, dict[str, str]] | None:
    """The entry of ENCODERS that is used here; None where PyAV has none of them."""
    import av

    for entry in ENCODERS:
        try:
            av.codec.Codec(entry[0], "w")
        except ValueError:
            continue
        return entry
    return None


def clip(window: Window) -> list[bytes]:
    """One video without sound that browsers play: the first MOST_SECONDS or MOST_BYTES of a window. VideoError."""
    import av

    entry = encoder()
    if entry is None:
        raise VideoError("no encoder here makes a clip that browsers play")
    codec, container, _, options = entry
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream: Any = None
        last = -1.0
        for seconds, moment in moments(window):
            if seconds >= MOST_SECONDS or file.tell() > MOST_BYTES:
                break
            if seconds - last < 0.9 / MOST_FPS:
                continue
            last, frame = seconds, moment.frame()
            if stream is None:
                stream = output.add_stream(codec, rate=MOST_FPS, options=options)
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, PIXELS
                stream.codec_context.time_base = Fraction(1, TICKS)
            if (frame.width, frame.height) != (stream.width, stream.height):
                continue  # the size changes on the way
            frame.pts, frame.time_base = round(seconds * TICKS), Fraction(1, TICKS)
            frame.pict_type = 0  # the encoder chooses its keyframes
            output.mux(stream.encode(frame))
        if stream is None:
            raise VideoError("no frame of this part could be decoded")
        output.mux(stream.encode())
    return [file.getvalue()]


def stills(window: Window) -> list[bytes]:
    """JPEGs of STILLS moments of a window, evenly spread; of fewer frames some come again. Raises VideoError."""
    wanted = [length(window, MOST_SECONDS) * (number + 0.5) / STILLS for number in range(STILLS)]
    jpegs: list[bytes] = []
    shown: Moment | None = None  # what is shown until the next one comes
    for seconds, moment in moments(window):
        while shown is not None and len(jpegs) < STILLS and wanted[len(jpegs)] < seconds:
            jpegs.append(thumbnail(shown.pixels(), SIDE))
        shown = moment
        if len(jpegs) == STILLS:
            break
    if shown is None:
        raise VideoError("no frame of this part could be decoded")
    if len(jpegs) < STILLS:
        jpegs += [thumbnail(shown.pixels(), SIDE)] * (STILLS - len(jpegs))
    return jpegs


def picture(window: Window) -> list[bytes]:
    """A small JPEG from the middle of a window; b"" where there is none, or it is of one colour."""
    return [middle.middle(middle.Where(window.path, window.start, window.end))]
