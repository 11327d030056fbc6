"""Headers of NumPy's arrays, read before any data, and the sizes that they promise."""

import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from pipeline.errors import LaffError

LONGEST = 1 << 16  # bytes of a header; those that NumPy writes have some hundred
LARGE = 1 << 28  # bytes of an array from which on SHRUNK counts
SHRUNK = 100  # times that an array may be larger than its file: zeros need no disk and all the memory


@dataclass(frozen=True)
class Header:
    """The header of an array, which stands before its data."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool  # whether columns are stored together, not rows

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"

    @property
    def size(self) -> int:
        """Bytes of the data."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(file: IO[bytes]) -> Header:
    """The header at the beginning of an array's file; the file is then at its data.

    ValueError with a text of laff's: NumPy's advises to load the file without this check.
    """
    start = file.read(np.lib.format.MAGIC_LEN)
    size_bytes = file.read(2 if start[-2:] == b"\1\0" else 4)
    length = int.from_bytes(size_bytes, "little")
    if length > LONGEST and start.startswith(np.lib.format.MAGIC_PREFIX):
        raise ValueError(f"its header claims {length} bytes")
    # NumPy would read as much as a header claims.
    whole = io.BytesIO(start + size_bytes + file.read(min(length, LONGEST)))
    try:
        version = np.lib.format.read_magic(whole)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(whole)
    except (zipfile.BadZipFile, zlib.error, OSError):
        raise
    except Exception:  # it is parsed as Python, and there is no end of what that may raise
        raise ValueError("it has no header of NumPy") from None
    return Header(shape, dtype, fortran)


def check_size(path: Path, what: str, header: Header, size: int) -> None:
    """Raise LaffError for an array of Python objects, or of another size than its header says.

    what: the array, as a message names it; size: bytes of data that the file holds.
    """
    if header.dtype.hasobject:
        raise LaffError(
            f"{path}: {what} holds Python objects, whose reading can run code, so laff reads none; "
            "write it as plain text or numbers: np.array(…, dtype=str) or np.array(…, dtype=np.float32)"
        )
    if min(header.shape, default=0) < 0 or size != header.size:
        raise LaffError(f"{path}: {what} should have {header.size} bytes of data ({header}), but has {size}")


def check_memory(path: Path, what: str, size: int, stored: int, how: str) -> None:
    """Raise LaffError for an array whose `size` bytes take hardly any of the file: `stored`.

    how: how to write it in a way that is read.
    """
    if size > LARGE and size > SHRUNK * stored:
        raise LaffError(
            f"{path}: {what} would take {size / 1e9:.1f} GB of memory, but {stored / 1e6:.1f} MB "
            f"of the file, so it holds hardly anything; if it is right, write it {how}"
        )
