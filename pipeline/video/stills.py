"""Still pictures: told from the first bytes of a file, so that none is taken for a video. A GIF counts as a video."""

from __future__ import annotations

import io
from pathlib import Path

HEAD = 1 << 16  # bytes looked at; of an animated PNG what says so may stand behind a colour profile
STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"8BPS": "PSD",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
}
# Brands of files that are built like MP4: pictures, and what holds several.
PICTURES = {b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"mif1": "HEIF", b"avif": "AVIF"}
MOVING = {b"hevc", b"hevx", b"hevm", b"hevs", b"msf1", b"avis"}


def kind(path: Path) -> str:
    """The format of a still picture, such as PNG; '' for all that may move, and for what cannot be read."""
    return _kind(_head(path))


def _head(path: Path) -> bytes:
    """The first bytes of a regular file that can be read, else none: a pipe might wait for ever."""
    try:
        with path.open("rb") if path.is_file() else io.BytesIO() as file:
            return file.read(HEAD)
    except OSError:
        return b""


def refused(path: Path, container: str = "", codec: str = "") -> str:
    """Why a file of which FFmpeg has one frame or none is no video, or ''.

    container, codec: FFmpeg's names, where it could open the file; it knows more formats of pictures.
    """
    head = _head(path)
    still = _kind(head)
    if not still and (container.endswith("_pipe") or container in ("image2", "ico")):
        still = codec
    if still:
        return f"is a still picture ({still}), not a video"
    if _animated_webp(head):
        return "is an animated WebP, which this FFmpeg cannot decode; make a GIF or an MP4 of it"
    return ""


def _kind(head: bytes) -> str:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "" if b"acTL" in head.partition(b"IDAT")[0] else "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "" if _animated_webp(head) else "WebP"
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "BMP"
    if head[4:8] == b"ftyp":
        size = min(int.from_bytes(head[:4], "big"), 256)
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, size, 4))]
        return "" if MOVING.intersection(brands) else PICTURES.get(brands[0], "")
    return next((name for start, name in STARTS.items() if head.startswith(start)), "")


def _animated_webp(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a WebP of several frames."""
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and bool(head[20:21] and head[20] & 2)
