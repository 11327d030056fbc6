"""Which packets of H.264 hold the second field of a frame: a picture of two fields takes two packets, and is one frame.

Only what stands before the flag is read of the parameters of a sequence (SPS) and of the first slice of a packet, as
ITU-T H.264, 7.3.2.1.1 and 7.3.3, has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

SEQUENCE = 7  # the kind of a unit that holds the parameters of a sequence
SLICES = (1, 2, 5)  # kinds of units that begin with a slice's header
CHROMA = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}  # profiles that state chroma and depth
BEGIN = 4096  # bytes of a packet in which its parameters and the header of its first slice are looked for
HEAD = 64  # bytes of a slice that are enough


class Sequence(NamedTuple):
    """What the parameters of a sequence say of its slices' headers."""

    fields: bool  # whether a picture may be a field
    planes: bool  # whether colours are coded apart
    number_bits: int  # of a frame's number


class Fields:
    """Takes the packets of a stream in the order of the file."""

    def __init__(self, extradata: bytes) -> None:
        """Begin with the decoder's parameters as the container holds them: avcC, or units with start codes."""
        prefixed = len(extradata) > 6 and extradata[0] == 1
        self._length = (extradata[4] & 3) + 1 if prefixed else 0  # bytes before each unit that say how long it is
        self._sequence: Sequence | None = None
        self._first: tuple[int, bool] | None = None  # number and parity of a first field whose second is to come
        for unit in islice(_units(extradata[6:], 2), extradata[5] & 31) if prefixed else _units(extradata, 0):
            self._look(unit)

    def second(self, packet: av.Packet[VideoStream]) -> bool:
        """Whether a packet holds the second field of the frame whose first field the packet before it held."""
        if not packet.is_keyframe and not (self._sequence and self._sequence.fields):
            return False
        for unit in _units(bytes(memoryview(packet)[:BEGIN]), self._length):
            self._look(unit)
            if unit[0] & 31 in SLICES:
                field = _field(unit, self._sequence) if self._sequence and self._sequence.fields else None
                paired = field is not None and self._first == (field[0], not field[1])
                self._first = None if paired else field
                return paired
        return False

    def _look(self, unit: bytes) -> None:
        if unit[0] & 31 == SEQUENCE:
            self._sequence = read_sequence(unit)


class _Bits:
    """Reads a unit bit by bit; behind its end there are zeros."""

    def __init__(self, unit: bytes) -> None:
        plain = unit.replace(b"\0\0\3", b"\0\0")  # bytes that keep start codes from appearing
        self._value, self._left = int.from_bytes(plain, "big"), 8 * len(plain)

    def take(self, count: int) -> int:
        self._left -= count
        shifted = self._value >> self._left if self._left >= 0 else self._value << -self._left
        return shifted & ((1 << count) - 1)

    def number(self) -> int:
        """An Exp-Golomb code: as many zeros as bits follow the first one."""
        zeros = 0
        while zeros < 32 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


def read_sequence(unit: bytes) -> Sequence:
    """Read a sequence parameter set: a NAL unit with its one-byte header, without start code."""
    bits = _Bits(unit[1:])
    profile = bits.take(8)
    bits.take(16)  # constraints, level
    bits.number()
    planes = False
    if profile in CHROMA:
        chroma = bits.number()
        planes = chroma == 3 and bool(bits.take(1))
        bits.number(), bits.number(), bits.take(1)  # depths, transform bypass
        if bits.take(1):
            for place in range(12 if chroma == 3 else 8):
                if bits.take(1):
                    _skip_scaling(bits, 16 if place < 6 else 64)
    number_bits = bits.number() + 4
    order = bits.number()
    if order == 0:
        bits.number()
    elif order == 1:
        bits.take(1), bits.number(), bits.number()
        for _ in range(min(bits.number(), 255)):
            bits.number()
    bits.number(), bits.take(1), bits.number(), bits.number()  # references, gaps, width, height
    return Sequence(not bits.take(1), planes, number_bits)


def _skip_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            code = bits.number()
            following = (last + (code + 1 >> 1 if code & 1 else -(code >> 1))) % 256
        last = following or last


def _field(unit: bytes, sequence: Sequence) -> tuple[int, bool] | None:
    """(number of the frame, whether it is the bottom field) of a slice of a field; None for one of a frame."""
    bits = _Bits(unit[1:HEAD])
    bits.number(), bits.number(), bits.number()  # first macroblock, type, parameters
    if sequence.planes:
        bits.take(2)
    number = bits.take(sequence.number_bits)
    return (number, bool(bits.take(1))) if bits.take(1) else None


def _units(data: bytes, length: int) -> Iterator[bytes]:
    """The units of a packet that are not empty, behind start codes or, with `length`, behind their sizes."""
    at = 0
    if not length:
        yield from (unit for unit in data.split(b"\0\0\1")[1:] if unit)
        return
    while at + length < len(data):
        begin = at + length
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > begin:
            yield data[begin:at]
