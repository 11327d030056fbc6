"""Dense rows that lie in a file one after the other: any part of them is read into memory of the caller."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import LaffError

KINDS = ("float16", "float32")


@dataclass(frozen=True)
class Flat:
    """[V, D] in one piece of a file."""

    path: Path
    offset: int  # bytes before the first row
    rows: int  # V
    width: int  # D
    dtype: str  # of KINDS, little-endian

    def __post_init__(self) -> None:
        if self.dtype not in KINDS:
            raise LaffError(f"{self.path}: its rows are {self.dtype}; they should be {' or '.join(KINDS)}")

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.width * np.dtype(self.dtype).itemsize

    def ahead(self, first: int, count: int) -> None:
        """Ask the disk for these rows, which are wanted soon; returns at once. Nothing where the system has no ask."""
        if not hasattr(os, "posix_fadvise"):
            return
        with self._opened() as file:
            position, size = self.offset + first * self.row_bytes, count * self.row_bytes
            # Asking for what is in memory takes half as long as reading it, so their last byte is tried first.
            with suppress(OSError, AttributeError):  # macOS and some file systems cannot try
                if os.preadv(file.fileno(), [bytearray(1)], position + size - 1, os.RWF_NOWAIT):
                    return
            os.posix_fadvise(file.fileno(), position, size, os.POSIX_FADV_WILLNEED)

    def read(self, first: int, into: np.ndarray) -> None:
        """Fill [n, D] of the file's dtype with the rows from `first` on, in any thread.

        LaffError where the file is missing, not readable, or ends before.
        """
        if not into.size:
            return
        left, position = into.data.cast("B"), self.offset + first * self.row_bytes
        with self._opened() as file:
            while len(left):
                count = os.preadv(file.fileno(), [left], position)
                if not count:
                    raise LaffError(f"{self.path}: cut off after {position:,} bytes; `laff verify` sets it aside")
                left, position = left[count:], position + count

    @contextmanager
    def _opened(self) -> Iterator[FileIO]:
        try:
            with FileIO(self.path) as file:
                yield file
        except OSError as error:
            raise LaffError(f"{self.path}: cannot be read ({error.strerror})") from None


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a shard to read a part of it; its checksum is not checked. LaffError where it is missing or no shard."""
    import h5py

    try:
        with h5py.File(path) as file:
            yield file
    except (OSError, KeyError) as error:
        raise LaffError(f"{path}: not a readable shard ({error}); `laff verify` finds all such files") from None


def of_shard(path: Path) -> Flat:
    """Where the dense rows of a shard lie in its file, to be read in order; its checksum is not checked.

    LaffError where the file is missing or no shard, or its rows are sparse or of frames.
    """
    with opened(path) as file:
        values = file["values"]
        if values.ndim != 2 or (values.size and values.id.get_offset() is None):
            raise LaffError(f"{path}: its rows {list(values.shape)} do not lie one after the other")
        rows, width = values.shape
        return Flat(path, values.id.get_offset() or 0, rows, width, values.dtype.name)
