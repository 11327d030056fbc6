"""Whether pictures are encrypted: a decoder makes noise of them, and may not even complain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

REASON = "its pictures are encrypted (DRM): only a copy that was decrypted can be read"
INSIDE = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}  # boxes that hold the description of a track
ENCRYPTED = {b"encv", b"drmi"}  # descriptions of pictures under common encryption, and under that of iTunes
PACKET, SYNC = 188, 0x47  # bytes of a packet of a transport stream, and the first of them
BOXES = 10_000  # of a file that are looked at


def encrypted(path: Path, container: InputContainer, stream: VideoStream) -> bool:
    """Whether the container says that this stream, or a part of it, is encrypted."""
    if "mp4" in container.format.name.split(","):
        return stream.id in tracks(path)
    return "enc_key_id" in stream.metadata  # Matroska and WebM


def tracks(path: Path) -> set[int]:
    """Numbers of the encrypted video tracks of an mp4 or QuickTime file; none for another kind of file."""
    numbers: set[int] = set()
    number = 0
    with path.open("rb") as file:
        size = file.seek(0, 2)
        for kind, begin, end in _boxes(file, 0, size):
            if kind == b"tkhd":
                head = _at(file, begin, min(end, begin + 24))
                at = 20 if head[:1] == b"\1" else 12  # behind version, flags and two dates
                number = int.from_bytes(head[at : at + 4], "big")
            elif kind == b"stsd" and any(entry in ENCRYPTED for entry, *_ in _boxes(file, begin + 8, end)):
                numbers.add(number)
    return numbers


def scrambled(path: Path) -> bool:
    """Whether a file is a transport stream most of whose first packets say that they are scrambled."""
    with path.open("rb") as file:
        start = file.read(PACKET * 2_000)
    heads = [start[at : at + 4] for at in range(0, len(start) - PACKET + 1, PACKET)]
    if not heads or any(head[0] != SYNC for head in heads):
        return False
    return 2 * sum(head[3] >> 7 for head in heads) > len(heads)


def _boxes(file: BinaryIO, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, begin, end of its content) of the boxes between two places, those inside of others too."""
    left = [(begin, end)]
    for _ in range(BOXES):
        while left and left[-1][1] - left[-1][0] < 8:
            left.pop()
        if not left:
            return
        at, stop = left.pop()
        head = _at(file, at, at + 16)
        size, kind, content = int.from_bytes(head[:4], "big"), head[4:8], at + 8
        if size == 1:  # the size takes eight bytes more
            size, content = int.from_bytes(head[8:16], "big"), at + 16
        after = min(at + size, stop) if size else stop
        if after < content:
            return  # no box at all
        left.append((after, stop))
        if kind in INSIDE:
            left.append((content, after))
        else:
            yield kind, content, after


def _at(file: BinaryIO, begin: int, end: int) -> bytes:
    file.seek(begin)
    return file.read(end - begin)
