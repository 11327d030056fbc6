"""Ids of frames in the forms of others."""

from __future__ import annotations

import pytest

from pipeline.rows.frame_ids import parse


@pytest.mark.parametrize(
    ("id_", "frame"),
    [
        ("video0_12", ("video0", 12)),
        ("video0_0012", ("video0", 12)),
        ("video0#3", ("video0", 3)),
        ("video0/3.jpg", ("video0", 3)),
        ("video0_frame_3", ("video0", 3)),
        ("video0_frame3.PNG", ("video0", 3)),
        ("video0/frame0003.jpg", ("video0", 3)),
        ("video0/video0_3.jpg", ("video0", 3)),
        ("trips/beach/beach_3", ("trips/beach", 3)),
        ("trips/beach_3", ("trips/beach", 3)),
        ("-4wsuPCjDBc_5_15_7", ("-4wsuPCjDBc_5_15", 7)),
        ("shot1_1_f12", ("shot1_1", 12)),
        ("frame_3", ("frame", 3)),
        ("video0", None),
        ("_3", None),
        ("video0_three", None),
    ],
)
def test_a_frame(id_: str, frame: tuple[str, int] | None) -> None:
    assert parse(id_) == frame
