"""One look at a video file: all of its packets are read, its first frame is decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.video import encryption, pixels, stills
from pipeline.video.decoder import decoded, orientation, rgb
from pipeline.video.expected import SHARED, expected
from pipeline.video.media import VideoError, opened, words
from pipeline.video.spans import FrameTable, Span
from pipeline.video.thumbnails import thumbnails
from pipeline.video.timeline import Timeline

if TYPE_CHECKING:
    import av


@dataclass(frozen=True)
class Probe:
    """What one look at a file finds out about it, or about a window of it."""

    packets: int  # frames that the packets promise; the truth is counted in `read`
    expected: int  # frames that the file should give: `pipeline.video.expected` has the rule
    expected_by: str  # who says so: "its packets", "the container's count" or "the container's duration"
    seconds: float  # from the first frame's appearance to the last one's end; 0 if the file has no times
    fps: float  # frames per second: `pipeline.video.timeline` has the rule
    width: int  # pixels, upright
    height: int  # pixels, upright
    rotation: int  # 0, 90, 180 or 270: the counterclockwise turn that made frames upright
    codec: str
    container: str
    note: str  # where header and packets disagree; '' where they do not
    jumps: bool  # whether its times jump, so that fps and seconds come from typical steps
    thumbnail: (
        bytes  # JPEG of the first frame, at most 160 pixels a side; of a window its first keyframe, if it has one
    )
    short: str = ""  # of a window that ends behind the video, in words


def probe(path: Path) -> Probe:
    """Look at a video file. Raises VideoError, whose text is the reason, when no frame of it can be had.

    It also raises for a still picture, which FFmpeg takes for a video of one frame.
    """
    return _looked(Path(path).absolute())[0]


def probe_windows(path: Path, windows: Sequence[tuple[float, float]]) -> list[Probe | str]:
    """Look at a file once for several windows [start, end) in seconds. Gives a Probe each, or why there is none.

    Raises VideoError where no frame of the file can be had.
    """
    path = Path(path).absolute()
    whole, table = _looked(path)
    probes: list[Probe | str] = []
    spans: list[Span] = []
    for start, end in windows:
        try:
            span = table.span(start, end)
        except VideoError as error:
            probes.append(str(error))
            continue
        spans.append(span)
        expected = table.expected(span, end, whole.expected - whole.packets)
        seconds, short = min(end, table.seconds) - start, table.short(end)
        probes.append(replace(whole, packets=span.frames, expected=expected, seconds=seconds, short=short))
    pictures = iter(thumbnails(path, table, spans, set(whole.container.split(","))))
    return [result if isinstance(result, str) else replace(result, thumbnail=next(pictures)) for result in probes]


def _looked(path: Path) -> tuple[Probe, FrameTable]:
    try:
        whole, table = _probe(path)
    except VideoError as error:
        if reason := stills.refused(path) or (encryption.REASON if _locked(path) else ""):
            raise VideoError(reason) from error
        raise
    if whole.packets <= 1 and (reason := stills.refused(path, whole.container, whole.codec)):
        raise VideoError(reason)
    return whole, table


def _locked(path: Path) -> bool:
    try:
        return path.is_file() and (bool(encryption.tracks(path)) or encryption.scrambled(path))
    except OSError:  # it may not be read
        return False


def _probe(path: Path) -> tuple[Probe, FrameTable]:
    from av.video.reformatter import VideoReformatter

    with opened(path) as (container, stream):
        timeline = Timeline(stream.codec_context.codec.canonical_name, stream.codec_context.extradata)
        if encryption.encrypted(path, container, stream):
            raise VideoError(encryption.REASON)
        streams = [] if SHARED & set(container.format.name.split(",")) else [stream]  # none: all

        def seen(packet: av.Packet[Any]) -> None:
            (timeline.add if packet.stream_index == stream.index else timeline.add_other)(packet)

        try:
            frame = next(decoded(container.demux(*streams), stream, seen))
        except VideoError:
            if timeline.encrypted:
                raise VideoError(encryption.REASON) from None
            raise
        try:
            picture = rgb(frame, VideoReformatter())
        except MemoryError:
            raise
        except (OSError, ValueError) as error:
            raise VideoError(f"no frame could be decoded: {words(error)} (pixels {frame.format.name})") from error
        drain(container.demux(*streams), seen)
        if timeline.encrypted:
            raise VideoError(encryption.REASON)
        frames = expected(container, stream, timeline)
        result = Probe(
            packets=max(timeline.packets, 1),
            expected=frames.frames,
            expected_by=frames.by,
            seconds=timeline.seconds(stream),
            fps=timeline.fps(stream),
            width=picture.shape[1],
            height=picture.shape[0],
            rotation=orientation(frame).degrees,
            codec=timeline.codec,
            container=container.format.name,
            note=timeline.note(stream),
            jumps=timeline.clock.jumps and timeline.packets > 1,
            thumbnail=pixels.thumbnail(picture),
        )
        return result, timeline.frame_table(container, stream)


def drain(packets: Iterator[av.Packet[Any]], seen: Callable[[av.Packet[Any]], None]) -> None:
    """Let the packets that are left pass by; damage ends them."""
    import av

    try:
        for packet in packets:
            seen(packet)
    except MemoryError:
        raise
    except (av.FFmpegError, OSError):
        return
