"""Any file or folder with rows of features that others extracted, told by its content and read in one way."""

from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.rows import kinds
from pipeline.rows.bigfile import BigFile
from pipeline.rows.feature_list import FeatureList
from pipeline.rows.hdf5 import Hdf5
from pipeline.rows.items import Items, Layout, Parts
from pipeline.rows.npy import Npy
from pipeline.rows.npz import Npz
from pipeline.rows.parquet import Parquet


class Source(Protocol):
    """Rows of features in a format of its own."""

    @property
    def items(self) -> Items:
        """The ids in the file's order, and which rows are theirs; LaffError where the file is not as it should be."""

    def rows(self, wanted: list[int]) -> np.ndarray:
        """The rows of these places in the table, [n, D] float32; the others don't stay in memory."""

    def width(self) -> int:
        """D, from headers alone; 0 where they leave it open."""

    def parts(self) -> Parts:
        """What the file holds, to choose from before its rows are read."""


FORMATS: dict[str, type[BigFile | FeatureList | Hdf5 | Npy | Npz | Parquet]] = {
    "bigfile": BigFile,
    "csv": FeatureList,
    "h5": Hdf5,
    "npy": Npy,
    "npz": Npz,
    "parquet": Parquet,
}


def source(path: Path, layout: Layout) -> Source:
    """What reads the rows of `path`. LaffError says what the path is where no format fits."""
    return FORMATS[kinds.kind(path)](path, layout)
