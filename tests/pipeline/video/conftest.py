"""What tests of several readers share: a video whose file says more than players show."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest


@pytest.fixture
def hiding(tmp_path: Path) -> Path:
    """An mp4 of 48 frames of which an edit list hides ten: PyAV gives 38."""
    path = tmp_path / "edit.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"bf": "2", "g": "12"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(48):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 20 + 4 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number - 10, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
