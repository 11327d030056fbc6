"""Stored vectors held in memory, for a program that asks again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ranking.tiles import tiles_over
from pipeline.rows.flat import Flat

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Held:
    """The rows of a file as float32; asked for in blocks as the file would be, they have the same scores."""

    path: Path
    rows: int  # V
    width: int  # D
    row_bytes: int  # of one row in the file
    values: Tensor  # [V and rows of zeros behind them up to whole tiles, D] float32

    def ahead(self, first: int, count: int) -> None:
        """Nothing: they are here already."""


def hold(sources: Sequence[Flat], memory: int) -> list[Held] | None:
    """All rows of these sources; None where they are more than so many bytes as float32. LaffError as of a Flat."""
    import numpy as np
    import torch

    sizes = [tiles_over(source.rows) for source in sources]
    width = sources[0].width if sources else 0
    if sum(sizes) * width * 4 > memory or any(source.width != width for source in sources):
        return None
    whole = torch.zeros(sum(sizes), width)
    held = []
    for source, values in zip(sources, whole.split(sizes), strict=True):
        if source.dtype == "float32":
            source.read(0, values[: source.rows].numpy())
        else:
            narrow = np.empty((source.rows, width), source.dtype)
            source.read(0, narrow)
            values[: source.rows] = torch.from_numpy(narrow)
        held.append(Held(source.path, source.rows, width, source.row_bytes, values))
    return held
