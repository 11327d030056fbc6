"""What the packets of a video stream say: how many frames there are, at which rate, and for how long.

The header's rate is taken where the packets bear it out (CLOSE), elsewhere that of their clock; so for the seconds
(`pipeline.video.clock`). Frames are chosen by counting at this one rate.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.video.clock import Clock, clock, in_order, showing_times
from pipeline.video.fields import Fields
from pipeline.video.spans import FrameTable

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

CLOSE = 0.01  # the header's rate is right where it differs by at most this part
JUMPS = "its times jump, so only typical steps between packets count"
STORING = {"mp4", "matroska", "mpegts", "mpeg", "flv", "gif"}  # containers that hold when a packet is shown
PLACEHOLDER = 19  # bytes; a packet of MPEG-4 up to this long repeats a picture or stands for one in another packet


class Timeline:
    """Takes note of packets; those that an edit list hides are not counted."""

    def __init__(self, codec: str = "", extradata: bytes | None = None) -> None:
        """Begin with FFmpeg's name of the codec, and its parameters as the container holds them."""
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

    def add(self, packet: av.Packet[Any]) -> None:
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

    def add_other(self, packet: av.Packet[Any]) -> None:
        """Take note of a packet of another stream, such as sound."""
        if packet.size:
            self._note_end(packet)

    def _note_end(self, packet: av.Packet[Any]) -> None:
        index = packet.stream_index
        if index not in self._bases:  # fractions are slow
            self._bases[index], self._ends[index] = float(packet.time_base or 0), 0
        if packet.pts is not None:
            self._ends[index] = max(self._ends[index], packet.pts + (packet.duration or 0))

    @property
    def end(self) -> float:
        """The end of the last frame, in seconds."""
        return self._ends.get(self._own, 0) * self._bases.get(self._own, 0.0)

    @property
    def length(self) -> float:
        """Seconds from when the first frame is shown until the last one goes; 0 where packets have no times."""
        shown = [time for time in self._shown if time is not None]
        return max(self.end - min(shown) * self._bases[self._own], 0.0) if shown else 0.0

    @property
    def longest(self) -> float:
        """The longest step between neighbours in time, in seconds."""
        steps = np.diff(np.sort([time for time in self._shown if time is not None]))
        return float(steps.max(initial=0)) * self._bases.get(self._own, 0.0)

    @property
    def others_end(self) -> float:
        """The end of the other streams' last packet, in seconds; 0 where there is none."""
        return max((end * self._bases[index] for index, end in self._ends.items() if index != self._own), default=0.0)

    @cached_property
    def clock(self) -> Clock:
        """How the frames follow each other. Ask for it when all packets have passed."""
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
        shown = showing_times(self._shown, self._decoded)
        kept = [time for time, picture in zip(shown, self._pictures, strict=True) if picture]
        keys = np.unique(np.array(self._keys, np.int64))
        if not kept or not in_order(shown, self._decoded):
            count = max(len(kept), 1)
            return FrameTable(np.arange(count) / fps, None, keys, fps, seconds or count / fps)
        ticks = np.sort(np.array(kept, np.int64))
        even = clock.jumps or seconds != clock.seconds  # times jump, or the header knows of no pauses
        times = np.arange(len(ticks)) / fps if even else (ticks - ticks[0]) * self._bases[self._own]
        stored = shown is self._shown and STORING & set(container.format.name.split(","))
        return FrameTable(times, ticks if stored else None, keys, fps, seconds or len(ticks) / fps)

    def note(self, stream: VideoStream) -> str:
        """Where header and packets disagree, in words; '' where they do not."""
        stated, clock, length, seconds = _stated(stream), self.clock, _length(stream), self.seconds(stream)
        sentences = []
        if clock.jumps:
            sentences.append(JUMPS)
        if clock.pauses:
            sentences.append(f"its rate leaves out pauses of {clock.pauses:.6g} seconds")
        if stated and clock.step and abs(stated * clock.step - 1) > CLOSE:
            sentences.append(f"the header says {stated:.6g} frames a second, the packets {1 / clock.step:.6g}")
        if length and clock.step and abs(length - seconds) > max(CLOSE * seconds, 2 * clock.step):
            sentences.append(f"the header says {length:.6g} seconds, the packets {seconds:.6g}")
        return "; ".join(sentences)


def _stated(stream: VideoStream) -> float:
    return float(stream.average_rate or stream.guessed_rate or 0)


def _length(stream: VideoStream) -> float:
    """Seconds that the header states; 0 where it states none."""
    return float((stream.duration or 0) * (stream.time_base or 0))


def _shows(codec: str, packet: av.Packet[Any]) -> bool:
    """Whether a packet holds a picture to show."""
    if codec == "vp8":
        return bool(memoryview(packet)[0] & 0x10)  # its first bits say: an inter frame, the version, shown
    return codec != "mpeg4" or packet.size > PLACEHOLDER
