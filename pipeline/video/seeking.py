"""A few frames of a long video without decoding the rest: from the last safe keyframe before each.

All packets are read once, which tells when each frame is shown and where decoding can begin. Then each frame that comes
out must be the very next one by its time, or nothing is taken from here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pipeline.video.decoder import Picture, rgb
from pipeline.video.keyframes import Parameters, Unsure, others_need, safe
from pipeline.video.media import LARGEST, words

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream


class Start(NamedTuple):
    """A keyframe at which decoding can begin."""

    frame: int  # its number in the order of showing
    time: int  # when it is shown, in the stream's time base


@dataclass(frozen=True)
class Timetable:
    """When each frame is shown, and where decoding can begin."""

    times: list[int]  # of each frame in the order of showing, in the stream's time base
    starts: list[Start]  # the first is frame 0
    spare: frozenset[int] = frozenset()  # times of frames that no other refers to

    def runs(self, numbers: Sequence[int], near: int = 0) -> dict[Start, list[int]]:
        """Rising frame numbers, grouped by the last start that is not behind them.

        Where a group begins less than `near` frames behind the one before, they are one.
        """
        groups: dict[Start, list[int]] = {}
        run: list[int] = []
        for number in numbers:
            start = self.starts[bisect_right(self.starts, number, key=lambda start: start.frame) - 1]
            if start not in groups and not (run and start.frame - run[-1] < near):
                run = groups[start] = []
            run.append(number)
        return groups

    def share(self, numbers: Sequence[int]) -> float:
        """The part of all frames that has to be decoded for these, 0..1."""
        return sum(run[-1] - start.frame + 1 for start, run in self.runs(numbers).items()) / len(self.times)


def hopeless(stream: VideoStream, packets: int) -> bool:
    """Whether the container's own index, where it is complete, shows a single keyframe; costs nothing to ask."""
    entries = stream.index_entries
    return len(entries) == packets and entries.search_timestamp(1 << 60) == 0


def timetable(container: InputContainer, stream: VideoStream) -> Timetable:
    """Read all packets of a file that was just opened. Raises Unsure when it is of no kind that can be trusted."""
    start_of, needed = safe(container, stream), others_need(stream)
    times: list[int] = []  # in the order of the file
    keys: list[int] = []  # places in it
    carried: set[Parameters] = set()  # what comes with keyframes
    spare: set[int] = set()
    for packet in _packets(container, stream):
        if packet.pts is None or packet.is_corrupt or packet.is_discard:
            raise Unsure("a packet has no time, is damaged or hidden")
        if packet.has_sidedata("new_extradata"):
            raise Unsure("the stream changes on its way")
        content = bytes(packet)
        parameters = start_of(content)
        if parameters is not None and packet.is_keyframe:
            keys.append(len(times))
            carried.add(parameters)
        if not needed(content):
            spare.add(packet.pts)
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
    return Timetable(order, starts, frozenset(spare))


def frames(
    container: InputContainer, stream: VideoStream, table: Timetable, numbers: Sequence[int], near: int = 0
) -> Iterator[tuple[int, Picture]]:
    """(number, picture) of the frames of these rising numbers. Raises Unsure as soon as anything is not as planned.

    near: for many numbers. Fewer than so many frames between two wanted ones are not passed over by seeking; of these,
    those that no other frame refers to are left out by themselves.
    """
    import av
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    stream.codec_context.options = {"err_detect": "explode"}  # rather than painting over what is damaged
    left_out = table.spare.difference(table.times[number] for number in numbers) if near else frozenset()
    for start, run in table.runs(numbers, near).items():
        wanted = set(run)
        try:
            container.seek(start.time, stream=stream)
            for number, frame in decoded(container, stream, table, start, left_out):
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


def decoded(
    container: InputContainer, stream: VideoStream, table: Timetable, start: Start, left_out: frozenset[int]
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Numbered frames from where the container stands now, which must be at `start`."""
    number = begin = -1  # frame and time
    for packet in container.demux(stream):
        if number < 0:  # the container may lead to an earlier start, which only takes longer
            led = next((known for known in table.starts if known.time == packet.pts), None)
            if led is None or led > start:
                raise Unsure(f"seeking led to {packet.pts}, where decoding cannot begin")
            number, begin = led
        elif packet.pts in left_out:
            continue
        for frame in packet.decode():
            if frame.pts is not None and frame.pts < begin:
                continue  # a picture that leads the keyframe
            if number == len(table.times) or frame.pts != table.times[number] or frame.is_corrupt:
                raise Unsure(f"frame {number} is missing or damaged")
            if frame.width * frame.height > LARGEST:
                raise Unsure(f"frame {number} is too large")
            yield number, frame
            number += 1
            while number < len(table.times) and table.times[number] in left_out:
                number += 1


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet[VideoStream]]:
    import av

    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except MemoryError:
        raise
    except (av.FFmpegError, OSError) as error:
        raise Unsure(words(error)) from error
