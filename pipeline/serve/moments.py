"""The frames of a window of a video, with their times, as clips and stills show them.

They are for people: where a file says its times wrongly, they are as a player would show them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.video.decoder import decoded, orientation
from pipeline.video.media import VideoError, opened
from pipeline.video.pixels import Orientation

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

SIDE = 640  # pixels of the longer side at most
FPS = 30.0  # of a file that does not say any
PIXELS = "yuv420p"  # of a frame for an encoder
NEAR = 1e-3  # seconds by which times may be off from rounding
PLAYLISTS = ("hls", "dash", "concat", "imf", "sdp")  # they would read other files than the one that is named


@dataclass(frozen=True)
class Window:
    """The part of a file that a clip or stills show."""

    path: str
    start: float = 0.0  # seconds since the first frame
    end: float = float("inf")


@dataclass(frozen=True)
class Moment:
    """A frame, which is made small and turned upright when it is asked for."""

    stored: VideoFrame
    ratio: float  # the width of a stored pixel by its height
    reformatter: VideoReformatter

    def pixels(self) -> np.ndarray:
        """[H, W, 3] uint8, SIDE pixels a side at most, an even number of them."""
        pixels: np.ndarray = self._small("rgb24").to_ndarray()
        return orientation(self.stored).apply(pixels)

    def frame(self) -> VideoFrame:
        """The same for an encoder."""
        import av

        if orientation(self.stored) == Orientation():
            return self._small(PIXELS)  # without a detour, which takes as long as all the rest
        turned = av.VideoFrame.from_ndarray(np.ascontiguousarray(self.pixels()), format="rgb24")
        return self.reformatter.reformat(turned, format=PIXELS)

    def _small(self, form: str) -> VideoFrame:
        width, height = self.stored.width * self.ratio, float(self.stored.height)
        scale = min(1.0, SIDE / max(width, height))
        width, height = (max(2, 2 * round(side * scale / 2)) for side in (width, height))
        return self.reformatter.reformat(self.stored, int(width), int(height), form, threads=1)


def length(window: Window, most: float) -> float:
    """Seconds of a window: up to the end of its file, as the file says that, and `most` at most."""
    with opened(Path(window.path)) as (container, stream):
        whole = float(container.duration or 0) / 1e6
        if stream.duration and stream.time_base:
            whole = float(stream.duration * stream.time_base)
    there = whole - window.start if whole > window.start else most
    return min(window.end - window.start, there, most)


def moments(window: Window) -> Iterator[tuple[float, Moment]]:
    """The frames of a window, each with its seconds since the window's start."""
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()  # keeps its tables from frame to frame
    with opened(Path(window.path)) as (container, stream):
        if container.format.name.split(",")[0] in PLAYLISTS:
            raise VideoError("is a playlist of other files")
        begin = float(stream.start_time * stream.time_base) if stream.start_time and stream.time_base else 0.0
        rate = float(stream.average_rate or FPS)
        ratio = float(stream.sample_aspect_ratio or 1)
        sought = _sought(container, stream, begin + window.start)
        for number, frame in enumerate(_frames(container, stream, begin + window.start if sought else None)):
            seconds = frame.time - begin if frame.time is not None else number / rate
            if seconds >= window.end:
                break
            if seconds >= window.start - NEAR:
                yield max(0.0, seconds - window.start), Moment(frame, ratio, reformatter)


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
