"""What the packets of a video stream tell while they pass by: how many frames there are, how fast, for how long.

The rule. A step between neighbours in time is long from GAP times the median step on. Frames take the mean step where
no step is long, or many are (more than FEW of them), as in a recording of a screen, which has a frame for each change.
A few long ones are pauses: a frame takes the mean of the typical steps, half to one and a half times the median. The
seconds are those from the first frame to the end of the last, pauses and all, unless the header says another length.

Where times jump, only typical steps count, for the seconds too, each jump as one of them; they are told between packets
that follow each other in the file. Times jump where some are missing, go back, or take a step that no recording takes:
longer than WILD seconds, than GAP times the median and than all steps together that are not that long. Where packets
don't say when each is shown, it is when they are decoded; where not even that, each lasts as long as it says.

The header's rate is taken where the packets bear it out (CLOSE). Frames are chosen by counting at this one rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pipeline.video.fields import Fields
from pipeline.video.spans import FrameTable

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

GAP = 4  # times the median step; one as long is a pause, not a slow frame
FEW = 1 / 8  # part of the steps; long ones up to there, or one alone, are pauses in an even clock
WILD = 10  # seconds; FFmpeg takes a longer step for a discontinuity (its dts_delta_threshold)
CLOSE = 0.01  # the header's rate is right where it differs by at most this part
JUMPS = "its times jump, so only typical steps between packets count"
STORING = {"mp4", "matroska", "mpegts", "mpeg", "flv", "gif"}  # containers that hold when a packet is shown
PLACEHOLDER = 19  # bytes; a packet of MPEG-4 up to this long repeats a picture or stands for one in another packet


@dataclass(frozen=True)
class Clock:
    """How the frames of a stream follow each other, by the rules above."""

    step: float  # seconds that a frame takes; 0 where nothing tells
    seconds: float  # from the first frame to the end of the last
    jumps: bool = False  # whether only typical steps count
    pauses: float = 0.0  # seconds of them in `seconds`, which count for no frame


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
        self._pictures: list[bool] = []  # whether it may hold a picture to show: certainly none only in VP8
        self._keys: list[int] = []  # times of keyframes, in ticks

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
        shows = _shows(self.codec, packet)
        self.silent += not shows
        self._pictures.append(shows or self.codec != "vp8")
        if packet.is_keyframe and packet.pts is not None:
            self._keys.append(packet.pts)
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

    def seconds(self, stream: VideoStream) -> float:
        """From the first frame to the end of the last, by the rule above."""
        length, clock = _length(stream), self.clock
        if clock.pauses and length and abs(length - clock.seconds) > CLOSE * clock.seconds:
            return clock.seconds - clock.pauses
        return clock.seconds

    def frame_table(self, container: InputContainer, stream: VideoStream) -> FrameTable:
        """When each frame is shown: as the packets say, or at the rate of the clock where their times are not taken."""
        fps, seconds, clock = self.fps(stream), self.seconds(stream), self.clock
        shown = _said(self._shown, self._decoded)
        kept = [time for time, picture in zip(shown, self._pictures, strict=True) if picture]
        keys = np.unique(np.array(self._keys, np.int64))
        if not kept or not _in_order(shown, self._decoded):
            count = max(len(kept), 1)
            return FrameTable(np.arange(count) / fps, None, keys, fps, seconds or count / fps)
        ticks = np.sort(np.array(kept, np.int64))
        even = clock.jumps or seconds != clock.seconds  # times jump, or the header knows of no pauses
        times = np.arange(len(ticks)) / fps if even else (ticks - ticks[0]) * self._bases[self._own]
        stored = shown is self._shown and STORING & set(container.format.name.split(","))
        return FrameTable(times, ticks if stored else None, keys, fps, seconds or len(ticks) / fps)

    def note(self, stream: VideoStream) -> str:
        """Where header and packets disagree, in words; '' where they do not."""
        stated, found, length, seconds = _stated(stream), self.clock, _length(stream), self.seconds(stream)
        said = []
        if found.jumps:
            said.append(JUMPS)
        if found.pauses:
            said.append(f"its rate leaves out pauses of {found.pauses:.6g} seconds")
        if stated and found.step and abs(stated * found.step - 1) > CLOSE:
            said.append(f"the header says {stated:.6g} frames a second, the packets {1 / found.step:.6g}")
        if length and found.step and abs(length - seconds) > max(CLOSE * seconds, 2 * found.step):
            said.append(f"the header says {length:.6g} seconds, the packets {seconds:.6g}")
        return "; ".join(said)


def clock(shown: list[int | None], decoded: list[int | None], durations: list[int], base: float) -> Clock:
    """The clock of packets in the order of the file, from their times in ticks of `base` seconds."""
    count = len(shown)
    shown = _said(shown, decoded)
    times = np.sort([time for time in shown if time is not None])
    steps = np.diff(times)
    if _in_order(shown, decoded) and not _wild(steps, WILD / base if base else 0.0):
        step, pauses = _paced(steps)
        last, end = int(times[-1]), max(time + length for time, length in zip(shown, durations, strict=True))  # type: ignore[operator]
        seconds = (max(end, last + (step if end <= last else 0)) - int(times[0])) * base
        return Clock(step * base, seconds, pauses=pauses * base)
    forward = np.array([b - a for a, b in pairwise(decoded) if a is not None and b is not None and b > a])
    if len(forward) < (count - 1) / 2:  # too few have a time of decoding
        forward = steps[steps > 0]
    if not len(forward):
        step = sum(durations) / max(count, 1)
        return Clock(step * base, step * base * count)
    step = _typical(forward)
    kept = forward[forward < GAP * _median(forward)]
    return Clock(step * base, (float(kept.sum()) + step * (count - len(kept))) * base, True)


def _said(shown: list[int | None], decoded: list[int | None]) -> list[int | None]:
    """When each packet is shown, or where not all say so, when it is decoded: H.264 in AVI."""
    return decoded if None not in decoded and (None in shown or len(set(shown)) < len(shown)) else shown


def _in_order(times: list[int | None], decoded: list[int | None]) -> bool:
    """Whether all packets have a time of their own and none is decoded before the one that is ahead of it."""
    known = [time for time in times if time is not None]
    follow = np.diff([time for time in decoded if time is not None])
    return len(set(known)) == len(times) > 0 and not (follow < 0).any()


def _wild(steps: np.ndarray, longest: float) -> bool:
    """Whether one step is longer than `longest`, than GAP times the median, and than all that are not, together."""
    far = steps > max(longest, GAP * _median(steps)) if len(steps) else steps > 0
    return bool(far.any() and steps[far].max() > steps[~far].sum())


def _paced(steps: np.ndarray) -> tuple[float, float]:
    """What a frame takes, and how much longer all pauses together are than a frame each; both in ticks."""
    if not len(steps):
        return 0.0, 0.0
    long = steps[steps >= GAP * _median(steps)]
    if not 0 < len(long) <= max(1, FEW * len(steps)):
        return float(steps.mean()), 0.0
    step = _typical(steps)
    return step, float(long.sum()) - step * len(long)


def _typical(steps: np.ndarray) -> float:
    """The mean of the steps that are half to one and a half times the median."""
    middle = _median(steps)
    return float(steps[(steps >= middle / 2) & (steps <= 1.5 * middle)].mean())


def _median(steps: np.ndarray) -> float:
    """The middle one, of two the smaller: a pause in a video of three frames is no typical step."""
    return float(np.sort(steps)[(len(steps) - 1) // 2])


def _stated(stream: VideoStream) -> float:
    return float(stream.average_rate or stream.guessed_rate or 0)


def _length(stream: VideoStream) -> float:
    """Seconds that the header states; 0 where it states none."""
    return float((stream.duration or 0) * (stream.time_base or 0))


def _shows(codec: str, packet: av.Packet) -> bool:
    """Whether a packet holds a picture to show."""
    if codec == "vp8":
        return bool(memoryview(packet)[0] & 0x10)  # its first bits say: an inter frame, the version, shown
    return codec != "mpeg4" or packet.size > PLACEHOLDER
