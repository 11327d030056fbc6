"""The part of a file that a request asks for by its Range header: one range of bytes, as players send them."""

from __future__ import annotations

import re

FORM = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Beyond(Exception):
    """A range that begins behind the end of the file, or is none at all."""


def part(header: str, size: int) -> range | None:
    """The bytes to send of a file of `size` bytes; None for all of it: without a range, or with one of another form.

    Several ranges are another form: HTTP lets a server answer with the whole file. Raises Beyond.
    """
    match = FORM.fullmatch(header.replace(" ", ""))
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last so many bytes
        if not int(last) or not size:
            raise Beyond
        return range(max(0, size - int(last)), size)
    start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None  # no range by HTTP's rules
    if start >= size:
        raise Beyond
    return range(start, stop)
