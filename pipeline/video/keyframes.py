"""Read from the bits of a packet whether decoding can begin with it, and whether other frames need it.

A keyframe counts as safe only where its own bits say that what is shown after it never refers to anything before it;
what a container calls a keyframe may be where a slow refresh begins, or an I frame of an open group in H.264, whose
followers may refer to what came before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    """Seeking is not certain to give the right frames; decode all of them."""


def safe(container: InputContainer, stream: VideoStream) -> Callable[[bytes], Parameters | None]:
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
    parameter_sets = frozenset((kind, unit if kind == sequence else b"") for kind, unit in units if kind in parameters)
    if parameter_sets and not safe:
        raise Unsure("parameters change between keyframes")
    return parameter_sets if safe else None


def _units(packet: bytes, length: int, picture: Callable[[int], bool]) -> list[bytes]:
    """The units of a packet up to the first that is part of a picture, of which the first byte is enough."""
    units: list[bytes] = []
    at = 0
    while at + length < len(packet):
        begin = at + length
        if picture(packet[begin]):
            return [*units, packet[begin : begin + 1]]
        at = begin + int.from_bytes(packet[at:begin], "big")
        if at > begin:
            units.append(packet[begin:at])
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


def others_need(stream: VideoStream) -> Callable[[bytes], bool]:
    """The function that tells from a packet's bytes whether other frames may refer to it.

    Only in H.264 as mp4 and Matroska hold it some certainly don't; to be asked when `safe` has found no fault.
    """
    extra = stream.codec_context.extradata or b""
    if stream.codec_context.codec.canonical_name != "h264":
        return lambda packet: True
    return partial(_h264_referred, length=(extra[4] & 3) + 1)


def _h264_referred(packet: bytes, length: int) -> bool:
    """nal_ref_idc of ITU-T H.264, 7.4.1, is 0 in all slices of a picture that no other refers to."""
    at, slices = 0, 0
    while at + length < len(packet):
        begin = at + length
        if 1 <= packet[begin] & 31 <= 5:
            slices += 1
            if packet[begin] & 0x60:
                return True
        at = begin + int.from_bytes(packet[at:begin], "big")
    return not slices
