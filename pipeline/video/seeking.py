"""A few frames of a long video without decoding the rest: from the last safe keyframe before each.

All packets are read once, which tells when each frame is shown and where decoding can begin. Then each frame that comes
out must be the very next one by its time, or nothing is taken from here. A keyframe counts as safe only where its own
bits say that what is shown after it never refers to anything before it; what a container calls a keyframe may be where
a slow refresh begins, or an I frame of an open group in H.264, whose followers may refer to what came before.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pipeline.video.decoder import Picture, rgb
from pipeline.video.media import LARGEST, words

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

H264_IDR = 5
HEVC_IRAP = range(19, 22)  # IDR with and without leading pictures, CRA
H264_SEQUENCE, HEVC_SEQUENCE = 7, 33  # parameters of a sequence: size, depth, fields, colours
H264_PARAMETERS = frozenset({H264_SEQUENCE, 8, 13, 15})
HEVC_PARAMETERS = frozenset({32, HEVC_SEQUENCE, 34})
HEVC_BLA = range(16, 19)  # where streams were joined: the pictures that lead them cannot be decoded

Parameters = frozenset[tuple[int, bytes]]  # kinds of units that hold parameters, and what those of a sequence say


class Unsure(Exception):
    """The frames cannot be had by seeking with certainty; decode all of them."""


class Start(NamedTuple):
    """A keyframe at which decoding can begin."""

    frame: int  # its number in the order of showing
    time: int  # when it is shown, in the stream's time base


@dataclass(frozen=True)
class Timetable:
    """When each frame is shown, and where decoding can begin."""

    times: list[int]  # of each frame in the order of showing, in the stream's time base
    starts: list[Start]  # the first is frame 0

    def runs(self, numbers: Sequence[int], near: int = 0) -> dict[Start, list[int]]:
        """Rising frame numbers, grouped by the last start that is not behind them.

        Where a group begins less than `near` frames behind the one before, they are one.
        """
        found: dict[Start, list[int]] = {}
        run: list[int] = []
        for number in numbers:
            start = self.starts[bisect_right(self.starts, number, key=lambda start: start.frame) - 1]
            if start not in found and not (run and start.frame - run[-1] < near):
                run = found[start] = []
            run.append(number)
        return found

    def share(self, numbers: Sequence[int]) -> float:
        """The part of all frames that has to be decoded for these, 0..1."""
        return sum(run[-1] - start.frame + 1 for start, run in self.runs(numbers).items()) / len(self.times)


def hopeless(stream: VideoStream, packets: int) -> bool:
    """Whether the container's own index, where it is complete, shows a single keyframe; costs nothing to ask."""
    entries = stream.index_entries
    return len(entries) == packets and entries.search_timestamp(1 << 60) == 0


def timetable(container: InputContainer, stream: VideoStream) -> Timetable:
    """Read all packets of a file that was just opened. Raises Unsure when it is of no kind that can be trusted."""
    safe = _safe(container, stream)
    times: list[int] = []  # in the order of the file
    keys: list[int] = []  # places in it
    carried: set[Parameters] = set()  # what comes with keyframes
    for packet in _packets(container, stream):
        if packet.pts is None or packet.is_corrupt or packet.is_discard:
            raise Unsure("a packet has no time, is damaged or hidden")
        if packet.has_sidedata("new_extradata"):
            raise Unsure("the stream changes on its way")
        parameters = safe(bytes(packet))
        if parameters is not None and packet.is_keyframe:
            keys.append(len(times))
            carried.add(parameters)
        times.append(packet.pts)
    order = sorted(times)
    if len(set(order)) != len(order):
        raise Unsure("two packets have one time")
    if len(carried) > 1:
        raise Unsure("not all keyframes bring the same parameters")
    latest = [order[0] - 1] if order else []  # before each packet
    for time in times:
        latest.append(max(latest[-1], time))
    starts = [Start(bisect_left(order, times[key]), times[key]) for key in keys if latest[key] < times[key]]
    if not starts or starts[0].frame or keys[0]:
        raise Unsure("decoding cannot begin at the first frame")
    return Timetable(order, starts)


def frames(
    container: InputContainer, stream: VideoStream, table: Timetable, numbers: Sequence[int], near: int = 0
) -> Iterator[tuple[int, Picture]]:
    """(number, picture) of the frames of these rising numbers. Raises Unsure as soon as anything is not as planned.

    Fewer than `near` frames between two wanted ones are decoded rather than passed over by seeking.
    """
    import av
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    stream.codec_context.options = {"err_detect": "explode"}  # rather than painting over what is damaged
    for start, run in table.runs(numbers, near).items():
        wanted = set(run)
        try:
            container.seek(start.time, stream=stream)
            for number, frame in _from(container, stream, table, start):
                if number in wanted:
                    yield number, partial(rgb, frame, reformatter)
                if number == run[-1]:
                    break
            else:
                raise Unsure(f"the stream ends before frame {run[-1]}")
        except MemoryError:
            raise
        except (av.FFmpegError, OSError) as error:
            raise Unsure(words(error)) from error


def _from(
    container: InputContainer, stream: VideoStream, table: Timetable, start: Start
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Numbered frames from where the container stands now, which must be at `start`."""
    number = begin = -1  # frame and time
    for packet in container.demux(stream):
        if number < 0:  # the container may lead to an earlier start, which only takes longer
            led = next((one for one in table.starts if one.time == packet.pts), None)
            if led is None or led > start:
                raise Unsure(f"seeking led to {packet.pts}, where decoding cannot begin")
            number, begin = led
        for frame in packet.decode():
            if frame.pts is not None and frame.pts < begin:
                continue  # a picture that leads the keyframe
            if number == len(table.times) or frame.pts != table.times[number] or frame.is_corrupt:
                raise Unsure(f"frame {number} is missing or damaged")
            if frame.width * frame.height > LARGEST:
                raise Unsure(f"frame {number} is too large")
            yield number, frame
            number += 1


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    import av

    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except MemoryError:
        raise
    except (av.FFmpegError, OSError) as error:
        raise Unsure(words(error)) from error


def _safe(container: InputContainer, stream: VideoStream) -> Callable[[bytes], Parameters | None]:
    """The function that tells a safe start from a packet's bytes: the parameter sets it brings, None if it is none."""
    extra = stream.codec_context.extradata or b""
    if not {"mp4", "matroska"} & set(container.format.name.split(",")):
        raise Unsure(f"a container of another kind: {container.format.name}")
    match stream.codec_context.codec.canonical_name:
        case "h264" if len(extra) > 4 and extra[0] == 1:  # avcC: lengths before the units instead of start codes
            return partial(_h264, length=(extra[4] & 3) + 1)
        case "hevc" if len(extra) > 21 and extra[0] == 1:
            return partial(_hevc, length=(extra[21] & 3) + 1)
        case "vp9":
            return _vp9
        case "av1":
            return _av1
    raise Unsure(f"a codec of another kind: {stream.codec_context.codec.canonical_name}")


def _h264(packet: bytes, length: int) -> Parameters | None:
    *others, picture = ((unit[0] & 31, unit) for unit in _units(packet, length, lambda byte: 1 <= byte & 31 <= 5))
    return _start(picture[0] == H264_IDR, others, H264_PARAMETERS, H264_SEQUENCE)


def _hevc(packet: bytes, length: int) -> Parameters | None:
    *others, picture = ((unit[0] >> 1 & 63, unit) for unit in _units(packet, length, lambda byte: byte >> 1 & 63 < 32))
    if picture[0] in HEVC_BLA:
        raise Unsure("the stream is joined of several")
    return _start(picture[0] in HEVC_IRAP, others, HEVC_PARAMETERS, HEVC_SEQUENCE)


def _start(
    safe: bool, units: Sequence[tuple[int, bytes]], parameters: frozenset[int], sequence: int
) -> Parameters | None:
    found = frozenset((kind, unit if kind == sequence else b"") for kind, unit in units if kind in parameters)
    if found and not safe:
        raise Unsure("parameters change between keyframes")
    return found if safe else None


def _units(packet: bytes, length: int, picture: Callable[[int], bool]) -> list[bytes]:
    """The units of a packet up to the first that is part of a picture, of which the first byte is enough."""
    found: list[bytes] = []
    at = 0
    while at + length < len(packet):
        begin = at + length
        if picture(packet[begin]):
            return [*found, packet[begin : begin + 1]]
        at = begin + int.from_bytes(packet[at:begin], "big")
        if at > begin:
            found.append(packet[begin:at])
    raise Unsure("a packet holds no picture")


def _vp9(packet: bytes) -> Parameters | None:
    """The first bits of a frame: marker 10, a profile below 3, not a repeated frame, a key frame, shown."""
    key = packet[0] >> 6 == 2 and packet[0] & 0x30 != 0x30 and packet[0] & 0x0E == 0x02
    return frozenset() if key else None


def _av1(packet: bytes) -> Parameters | None:
    """A sequence header and then a frame whose first bits say: not a repeated one, a key frame, shown."""
    at, sequence = 0, False
    while at < len(packet) and packet[at] & 2:  # it states its size
        kind, at = packet[at] >> 3 & 15, at + (2 if packet[at] & 4 else 1)
        size = shift = 0
        more = True
        while more and at < len(packet):
            more, size = packet[at] > 127, size | (packet[at] & 127) << shift
            shift, at = shift + 7, at + 1
        if kind in (3, 6):  # a frame's header, alone or with the frame
            return frozenset() if sequence and packet[at : at + 1] and packet[at] >> 4 == 0b0001 else None
        sequence, at = sequence or kind == 1, at + size
    return None
