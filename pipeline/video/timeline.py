"""What the packets of a video stream tell while they pass by: how many frames there are, how fast, for how long.

The rule for the rate. Where every packet has a time of its own and all steps between neighbours in time are shorter
than GAP times the median step, a frame takes the mean step. Where times jump (a pause, streams that were joined, a
wrong packet, packets without times) it takes the mean of the typical steps, half to one and a half times the median,
between packets that follow each other in the file. The header's rate is taken where that bears it out (1 %).

The rule for seconds. From the first frame to the end of the last; a step that jumps, back or as far as GAP times the
median, counts as a typical one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pipeline.video.fields import Fields

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

GAP = 4  # times the median step; one as long is a pause, not a slow frame
CLOSE = 0.01  # the header's rate is right where it differs by at most this part
PLACEHOLDER = 19  # bytes; a packet of MPEG-4 up to this long repeats a picture or stands for one in another packet


@dataclass(frozen=True)
class Clock:
    """How the frames of a stream follow each other, by the rules above."""

    step: float  # seconds that a frame takes; 0 where nothing tells
    seconds: float  # from the first frame to the end of the last
    jumps: bool = False  # whether only typical steps count


class Timeline:
    """Takes note of packets; those that an edit list hides are not counted."""

    def __init__(self, codec: str = "", extradata: bytes | None = None) -> None:
        """codec: FFmpeg's name of it; extradata: its parameters as the container holds them."""
        self.codec = codec
        self._fields = Fields(extradata or b"") if codec == "h264" else None
        self.packets = 0  # frames to expect
        self.hidden = 0  # packets that an edit list hides
        self.silent = 0  # packets without a picture to show
        self.halves = 0  # packets with the second field of a frame
        self.encrypted = 0  # packets that say that they are
        self._ends: dict[int, int] = {}  # stream -> when the last of its packets goes, in ticks
        self._bases: dict[int, float] = {}  # stream -> seconds of a tick
        self._own = -1  # number of the stream
        self._shown: list[int | None] = []  # of each packet in the order of the file, when it is shown, in ticks
        self._decoded: list[int | None] = []  # and when it is decoded
        self._durations: list[int] = []

    def add(self, packet: av.Packet) -> None:
        """Take note of a packet of the stream; the empty ones that end it say nothing."""
        if not packet.size:
            self.silent += packet.dts is not None  # a frame that was dropped when the file was made
            return
        self.encrypted += packet.has_sidedata("encryption_info")
        if packet.is_discard:
            self.hidden += 1
            return
        self._own = packet.stream_index
        self._note_end(packet)
        if self._fields and self._fields.second(packet):
            self.halves += 1
            return
        self.packets += 1
        self.silent += not _shows(self.codec, packet)
        self._shown.append(packet.pts)
        self._decoded.append(packet.dts)
        self._durations.append(packet.duration or 0)

    def add_other(self, packet: av.Packet) -> None:
        """Take note of a packet of another stream, such as sound."""
        if packet.size:
            self._note_end(packet)

    def _note_end(self, packet: av.Packet) -> None:
        index = packet.stream_index
        if index not in self._bases:  # fractions are slow
            self._bases[index], self._ends[index] = float(packet.time_base or 0), 0
        if packet.pts is not None:
            self._ends[index] = max(self._ends[index], packet.pts + (packet.duration or 0))

    @property
    def end(self) -> float:
        """Seconds, when the last frame goes."""
        return self._ends.get(self._own, 0) * self._bases.get(self._own, 0.0)

    @property
    def length(self) -> float:
        """Seconds from when the first frame is shown until the last one goes; 0 where packets have no times."""
        shown = [time for time in self._shown if time is not None]
        return max(self.end - min(shown) * self._bases[self._own], 0.0) if shown else 0.0

    @property
    def longest(self) -> float:
        """Seconds, the longest step between neighbours in time."""
        steps = np.diff(np.sort([time for time in self._shown if time is not None]))
        return float(steps.max(initial=0)) * self._bases.get(self._own, 0.0)

    @property
    def others_end(self) -> float:
        """Seconds, when the last packet of another stream goes; 0 where there is none."""
        return max((end * self._bases[index] for index, end in self._ends.items() if index != self._own), default=0.0)

    @cached_property
    def clock(self) -> Clock:
        """What all packets together tell; to be asked for when they have passed by."""
        return clock(self._shown, self._decoded, self._durations, self._bases.get(self._own, 0.0))

    def fps(self, stream: VideoStream) -> float:
        """Frames per second, by the rule above."""
        stated, step = _stated(stream), self.clock.step
        if step and (not stated or abs(stated * step - 1) > CLOSE):
            return 1 / step
        return stated or 25.0  # a single picture that states nothing: any rate gives the same frames

    def note(self, stream: VideoStream) -> str:
        """Where header and packets disagree, in words; '' where they do not."""
        stated, found = _stated(stream), self.clock
        length = float((stream.duration or 0) * (stream.time_base or 0))
        said = []
        if found.jumps:
            said.append("its times jump, so only typical steps between packets count")
        if stated and found.step and abs(stated * found.step - 1) > CLOSE:
            said.append(f"the header says {stated:.6g} frames a second, the packets {1 / found.step:.6g}")
        if length and found.step and abs(length - found.seconds) > max(CLOSE * found.seconds, 2 * found.step):
            said.append(f"the header says {length:.6g} seconds, the packets {found.seconds:.6g}")
        return "; ".join(said)


def clock(shown: list[int | None], decoded: list[int | None], durations: list[int], base: float) -> Clock:
    """The clock of packets in the order of the file, from their times in ticks of `base` seconds."""
    count = len(shown)
    times = np.sort([time for time in shown if time is not None])
    follow = np.diff([time for time in decoded if time is not None])
    steps = np.diff(times)
    if count and len(times) == count and (not len(steps) or _even(steps)) and not (follow < 0).any():
        step = float(steps.mean()) if len(steps) else 0.0
        last, end = int(times[-1]), max(time + length for time, length in zip(shown, durations, strict=True))  # type: ignore[operator]
        return Clock(step * base, (max(end, last + (step if end <= last else 0)) - int(times[0])) * base)
    forward = np.array([b - a for a, b in pairwise(decoded) if a is not None and b is not None and b > a])
    if len(forward) < (count - 1) / 2:  # too few have a time of decoding
        forward = steps[steps > 0]
    if not len(forward):
        step = sum(durations) / max(count, 1)
        return Clock(step * base, step * base * count, True)
    middle = _median(forward)
    step = float(forward[(forward >= middle / 2) & (forward <= 1.5 * middle)].mean())
    kept = forward[forward < GAP * middle]
    return Clock(step * base, (float(kept.sum()) + step * (count - len(kept))) * base, True)


def _even(steps: np.ndarray) -> bool:
    return bool(steps.min() > 0 and steps.max() < GAP * _median(steps))


def _median(steps: np.ndarray) -> float:
    """The middle one, of two the smaller: a pause in a video of three frames is no typical step."""
    return float(np.sort(steps)[(len(steps) - 1) // 2])


def _stated(stream: VideoStream) -> float:
    return float(stream.average_rate or stream.guessed_rate or 0)


def _shows(codec: str, packet: av.Packet) -> bool:
    """Whether a packet holds a picture to show."""
    if codec == "vp8":
        return bool(memoryview(packet)[0] & 0x10)  # its first bits say: an inter frame, the version, shown
    return codec != "mpeg4" or packet.size > PLACEHOLDER
