"""Bytes sent as a browser asks for them: all, one range of them, or none where it has them already."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pipeline.serve import ranges
from pipeline.serve.guard import mistake

PART = 1 << 18  # bytes that are in memory at once
AGAIN = "private, no-cache"  # a browser keeps it, and asks each time whether it is still the same


def small(request: Request, content: bytes, kind: str) -> Response:
    """Bytes that are in memory; kind: their content type."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    return sent(request, len(content), lambda start, count: content[start : start + count], kind, tag)


def file(request: Request, descriptor: int, status: os.stat_result, kind: str) -> Response:
    """An open file, which is closed behind the last byte."""
    opened = os.fdopen(descriptor, "rb", 0)
    tag = f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'
    return sent(request, status.st_size, lambda start, count: os.pread(opened.fileno(), count, start), kind, tag)


def sent(request: Request, size: int, read: Callable[[int, int], bytes], kind: str, tag: str) -> Response:
    """The answer of `size` bytes that read(start, count) gives; tag: of what they are, in quotes."""
    headers = {"etag": tag, "cache-control": AGAIN, "accept-ranges": "bytes"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    status, part, asked = 200, range(size), request.headers.get("range", "")
    if asked and request.headers.get("if-range", tag) == tag:
        try:
            wanted = ranges.part(asked, size)
        except ranges.Beyond:
            text = f"the range begins behind the end: there are {size:,} bytes"
            return mistake(text, 416, **{"content-range": f"bytes */{size}"})
        if wanted is not None:
            status, part = 206, wanted
            headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    headers["content-length"] = str(len(part))
    if request.method == "HEAD":
        return Response(None, status, headers, kind)
    return StreamingResponse(_parts(part, read), status, headers, kind)


def _parts(part: range, read: Callable[[int, int], bytes]) -> Iterator[bytes]:
    place = part.start
    while place < part.stop and (content := read(place, min(PART, part.stop - place))):
        place += len(content)
        yield content
