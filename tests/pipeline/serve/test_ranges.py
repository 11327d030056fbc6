"""Ranges of bytes by RFC 9110, section 14."""

from __future__ import annotations

import pytest

from pipeline.serve.ranges import Beyond, part


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=0-9", range(10)),
        ("bytes=5-", range(5, 100)),
        ("bytes=-5", range(95, 100)),
        ("bytes=-500", range(100)),
        ("bytes=90-1000", range(90, 100)),
        ("bytes=99-99", range(99, 100)),
        ("bytes=9-5", None),  # no range: the whole file
        ("bytes=0-1,5-6", None),  # several: a server may answer with all of it
        ("bytes=-", None),
        ("items=0-5", None),
        ("bytes=0-" + "9" * 19, None),
        ("bytes=٣-٤", None),
        ("", None),
    ],
)
def test_parts_of_a_hundred_bytes(header: str, expected: range | None) -> None:
    assert part(header, 100) == expected


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=100-200", 100), ("bytes=-0", 100), ("bytes=0-", 0)]
)
def test_a_range_behind_the_end(header: str, size: int) -> None:
    with pytest.raises(Beyond):
        part(header, size)
