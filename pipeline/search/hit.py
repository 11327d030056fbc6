"""A video that was found, as a person or a program is told of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.items.windows import WHOLE
from pipeline.plan.context import Context
from pipeline.search.ends import Ends


@dataclass(frozen=True)
class Hit:
    """One video, or one window of a video, that was found."""

    video: str
    path: str  # of its file; "" where features were imported
    score: float  # mean cosine over the model's spaces, -1..1; of several models the fused score
    shares: dict[str, float] = field(default_factory=dict)  # feature -> its share in the video's vector, where kept
    start: float | None = None  # seconds since the video's beginning, of a window; None: it is the whole video
    end: float | None = None  # seconds, when the window is over


class Show:
    """Rows of the table as hits."""

    def __init__(self, context: Context) -> None:
        """Take the surroundings; paths are told from the folder that is current now."""
        self._catalog, self._ends = context.catalog, Ends(context)
        self._here = os.path.join(Path.cwd(), "")  # noqa: PTH118 - with a slash at its end

    def hit(self, row: int, score: float, shares: dict[str, float]) -> Hit:
        """The hit of a row of the table."""
        catalog = self._catalog
        start, end = float(catalog.starts[row]), float(catalog.ends[row])
        bounds = (None, None) if (start, end) == WHOLE else (start, self._ends.end(row))
        return Hit(catalog.videos[row], self._shown(catalog.paths[row]), score, shares, *bounds)

    def _shown(self, path: str) -> str:
        """A path relative to the current folder where it lies below that, else in full."""
        return os.path.abspath(path).removeprefix(self._here) if path else path  # noqa: PTH100 - there may be many
