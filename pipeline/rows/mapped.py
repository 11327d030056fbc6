"""Dense rows as they lie in a file, mapped into memory: read in order, uncopied, and let go of behind the reader."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import LaffError

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("float16", "float32")
WINDOW = 1 << 25  # bytes that the disk is asked for ahead, twice over, and that stay mapped behind


@dataclass(frozen=True)
class Mapped:
    """[V, D] in one piece of a file, one row after the other."""

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

    def blocks(self, size: int) -> Iterator[tuple[int, Tensor]]:
        """(first row, rows [n, D] as they are stored) of each `size` rows.

        The map lives as long as a block of it. LaffError where the file is missing, cut off or not readable.
        """
        import torch

        end = self.offset + self.rows * self.row_bytes
        if not self.rows:
            return
        try:
            with self.path.open("rb") as file:
                if (have := os.fstat(file.fileno()).st_size) < end:
                    raise LaffError(f"{self.path}: cut off, {have:,} of {end:,} bytes; `laff verify` sets it aside")
                whole = mmap.mmap(file.fileno(), end, access=mmap.ACCESS_COPY)  # read-only makes torch warn
                count = self.rows * self.width
                values = torch.frombuffer(whole, dtype=getattr(torch, self.dtype), count=count, offset=self.offset)
                values = values.view(self.rows, self.width)
                asked = passed = self.offset
                for first in range(0, self.rows, size):
                    here = self.offset + first * self.row_bytes
                    while asked < min(here + 2 * WINDOW, end):
                        os.posix_fadvise(file.fileno(), asked, WINDOW, os.POSIX_FADV_WILLNEED)
                        asked += WINDOW
                    if here - passed >= WINDOW:
                        passed = _let_go(whole, passed, here)
                    yield first, values[first : first + size]
        except OSError as error:
            raise LaffError(f"{self.path}: cannot be read ({error.strerror})") from None


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A shard to read some of it; its checksum is not looked at. LaffError where it is missing or no shard."""
    import h5py

    try:
        with h5py.File(path) as file:
            yield file
    except (OSError, KeyError) as error:
        raise LaffError(f"{path}: not a readable shard ({error}); `laff verify` finds all such files") from None


def of_shard(path: Path) -> Mapped:
    """Where the dense rows of a shard lie in its file, for who reads them in order; its checksum is not looked at.

    LaffError where the file is missing or no shard, or its rows are sparse or of frames.
    """
    with opened(path) as file:
        values = file["values"]
        if values.ndim != 2 or (values.size and values.id.get_offset() is None):
            raise LaffError(f"{path}: its rows {list(values.shape)} do not lie one after the other")
        rows, width = values.shape
        return Mapped(path, values.id.get_offset() or 0, rows, width, values.dtype.name)


def _let_go(whole: mmap.mmap, start: int, end: int) -> int:
    """Unmap the whole pages between two places; returns where the next ones begin. Pages stay in the system's cache."""
    page = mmap.ALLOCATIONGRANULARITY
    first, last = -(-start // page) * page, end // page * page
    if last > first:
        whole.madvise(mmap.MADV_DONTNEED, first, last - first)
    return last
