"""Windows: the parts of videos that items are, by their bounds in seconds."""

from __future__ import annotations

import math
from typing import NamedTuple


class Window(NamedTuple):
    """A part of a video, half open: what is shown from `start` until before `end`, in seconds."""

    start: float = 0.0
    end: float = math.inf


WHOLE = Window()
