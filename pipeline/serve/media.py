"""A look at a video file for the page: what it is, a clip of a window of it that browsers play, and stills.

Clips and stills are made in processes that can be killed, which import this file: it needs PyAV and pixels alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.video.decoder import Picture, decoded, orientation
from pipeline.video.media import VideoError, opened
from pipeline.video.pixels import thumbnail

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# What a clip is made with: the first encoder that PyAV has here, its container, and its options, quick ones.
ENCODERS = (
    ("libx264", "mp4", "video/mp4", {"preset": "veryfast", "crf": "25", "threads": "1"}),
    ("libvpx-vp9", "webm", "video/webm", {"deadline": "realtime", "cpu-used": "8", "crf": "36", "b": "0"}),
    ("libvpx", "webm", "video/webm", {"deadline": "realtime", "cpu-used": "8", "crf": "12", "b": "2M"}),
)
SIDE = 640  # pixels of a clip's longer side at most
MOST_FPS = 30
MOST_SECONDS = 60.0  # of a clip
MOST_BYTES = 32 << 20  # of a clip
STILLS = 8  # of a window
TICKS = 90_000  # a second, of a clip's times
NEAR = 1e-3  # seconds by which times may be off from rounding
PLAYLISTS = ("hls", "dash", "concat", "imf", "sdp")  # they would read other files than the one that is named


@dataclass(frozen=True)
class Kind:
    """What a file is, in FFmpeg's names."""

    container: str  # such as mov,mp4,m4a,3gp,3g2,mj2
    codec: str
    profile: str
    pixels: str
    sounds: tuple[str, ...]  # codecs of its sound


@dataclass(frozen=True)
class Window:
    """The part of a file that a clip or stills show."""

    path: str
    start: float = 0.0  # seconds since the first frame
    end: float = float("inf")


def kind(path: str) -> Kind:
    """What a file is. Raises VideoError."""
    with opened(Path(path)) as (container, stream):
        context = stream.codec_context
        sounds = tuple(sound.codec_context.name for sound in container.streams.audio)
        return Kind(container.format.name, context.name, str(stream.profile or ""), context.pix_fmt or "", sounds)


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
        for seconds, picture in _pictures(window, even=True):
            if seconds >= MOST_SECONDS or file.tell() > MOST_BYTES:
                break
            if seconds - last < 0.9 / MOST_FPS:
                continue
            last, pixels = seconds, picture()
            if stream is None:
                stream = output.add_stream(codec, rate=MOST_FPS, options=options)
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = Fraction(1, TICKS)
            if pixels.shape[:2] != (stream.height, stream.width):
                continue  # the size changes on the way
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = round(seconds * TICKS), Fraction(1, TICKS)
            output.mux(stream.encode(frame))
        if stream is None:
            raise VideoError("no frame of this part could be decoded")
        output.mux(stream.encode())
    return [file.getvalue()]


def stills(window: Window) -> list[bytes]:
    """JPEGs of STILLS moments of a window, evenly spread; of fewer frames some come again. Raises VideoError."""
    wanted = [_length(window) * (number + 0.5) / STILLS for number in range(STILLS)]
    jpegs: list[bytes] = []
    shown: Picture | None = None  # what is shown until the next picture comes
    for seconds, picture in _pictures(window):
        while shown is not None and len(jpegs) < STILLS and wanted[len(jpegs)] < seconds:
            jpegs.append(thumbnail(shown(), SIDE))
        shown = picture
        if len(jpegs) == STILLS:
            break
    if shown is None:
        raise VideoError("no frame of this part could be decoded")
    if len(jpegs) < STILLS:
        jpegs += [thumbnail(shown(), SIDE)] * (STILLS - len(jpegs))
    return jpegs


def _length(window: Window) -> float:
    """Seconds of a window: up to the end of its file, as the file says that, and MOST_SECONDS at most."""
    with opened(Path(window.path)) as (container, stream):
        whole = float(container.duration or 0) / 1e6
        if stream.duration and stream.time_base:
            whole = float(stream.duration * stream.time_base)
    there = whole - window.start if whole > window.start else MOST_SECONDS
    return min(window.end - window.start, there, MOST_SECONDS)


def _pictures(window: Window, even: bool = False) -> Iterator[tuple[float, Picture]]:
    """The pictures of a window, each with its seconds since the window's start; converted only when called."""
    with opened(Path(window.path)) as (container, stream):
        if container.format.name.split(",")[0] in PLAYLISTS:
            raise VideoError("is a playlist of other files")
        begin = float(stream.start_time * stream.time_base) if stream.start_time and stream.time_base else 0.0
        rate = float(stream.average_rate or MOST_FPS)
        ratio = float(stream.sample_aspect_ratio or 1)
        sought = _sought(container, stream, begin + window.start)
        for number, frame in enumerate(_frames(container, stream, begin + window.start if sought else None)):
            seconds = frame.time - begin if frame.time is not None else number / rate
            if seconds >= window.end:
                break
            if seconds >= window.start - NEAR:
                yield max(0.0, seconds - window.start), partial(_small, frame, ratio, even)


def _sought(container: InputContainer, stream: VideoStream, seconds: float) -> bool:
    """Go to the last keyframe before a time; False where it is near the beginning, or the file cannot be sought."""
    import av

    if seconds <= 1 or not stream.time_base:
        return False
    try:
        container.seek(int(seconds / stream.time_base), stream=stream)
    except (av.FFmpegError, OSError):
        return False
    return True


def _frames(container: InputContainer, stream: VideoStream, sought: float | None) -> Iterator[VideoFrame]:
    """The frames from where the file was sought; from its beginning where that turns out to be too late, or nowhere."""
    frames = decoded(container.demux(stream), stream, lambda packet: None)
    if sought is not None:
        try:
            first = next(frames, None)
        except VideoError:
            first = None
        if first is not None and first.time is not None and first.time <= sought + NEAR:
            yield first
        else:
            container.seek(0)
            frames = decoded(container.demux(stream), stream, lambda packet: None)
    yield from frames


def _small(frame: VideoFrame, ratio: float, even: bool) -> np.ndarray:
    """A frame upright, with square pixels, SIDE pixels a side at most, [H, W, 3] uint8; even: sides that 2 divides.

    ratio: the width of a stored pixel by its height.
    """
    width, height = frame.width * ratio, float(frame.height)
    scale, step = min(1.0, SIDE / max(width, height)), 2 if even else 1
    width, height = (max(step, round(length * scale / step) * step) for length in (width, height))
    pixels: np.ndarray = frame.reformat(int(width), int(height), "rgb24", threads=1).to_ndarray()
    return orientation(frame).apply(pixels)
