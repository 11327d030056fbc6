"""Reads arrays of .npz archives: headers before data, no pickled objects, and into memory only the rows wanted."""

import io
import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from pipeline.errors import LaffError, printable
from pipeline.rows import kinds

AT_ONCE = 1 << 24  # bytes of a table in memory at once
LARGE = 1 << 28  # bytes of an array from which on SHRUNK counts
HEADER = 1 << 16  # bytes; those that NumPy writes have some hundred
SHOWN = 8  # names in a message
SHRUNK = 100  # times that an array may be larger than its file: zeros need no disk and all the memory
BROKEN = (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Header:
    """The header of an array, which stands before its data."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool  # whether columns are stored together, not rows

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


def names(path: Path) -> list[str]:
    """The names of an archive's arrays. LaffError says what the file is where it is no archive."""
    if kinds.waits(path):
        raise LaffError(f"{path}: is {kinds.PIPE}; {kinds.WANTED}")
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except OSError as error:
        raise LaffError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, zipfile.BadZipFile):
        raise LaffError(kinds.description(path)) from None
    if not arrays:
        raise LaffError(kinds.description(path))
    return arrays


def header(path: Path, name: str, param: str = "") -> Header:
    """The header of an array; its data is not read. LaffError where it is missing or no plain array.

    param: the parameter of the stage that a message names, by which another array is chosen.
    """
    with _opened(path, name, param) as (array_header, _):
        return array_header


def load(path: Path, name: str) -> np.ndarray:
    """The whole array."""
    with _opened(path, name) as (array_header, file):
        data = file.read()
        values = np.frombuffer(data, array_header.dtype, math.prod(array_header.shape))
        return values.reshape(array_header.shape, order="F" if array_header.fortran else "C")


def rows(path: Path, name: str, wanted: Sequence[int]) -> np.ndarray:
    """The rows `wanted` of a two-dimensional array, in that order: [n, D] float32. Reads all, up to the checksum."""
    with _opened(path, name) as (array_header, file):
        count, width = array_header.shape
        values = np.zeros((len(wanted), width), np.float32)
        places = np.asarray(wanted, np.int64)
        order = np.argsort(places, kind="stable")
        ordered = places[order]
        if array_header.fortran:
            whole = np.frombuffer(file.read(), array_header.dtype, count * width).reshape(array_header.shape, order="F")
            with np.errstate(over="ignore"):
                values[:] = whole[places]
            return values
        step = max(1, AT_ONCE // max(1, width * array_header.dtype.itemsize))
        for start in range(0, count, step):
            stop = min(count, start + step)
            data = file.read((stop - start) * width * array_header.dtype.itemsize)
            first, last = np.searchsorted(ordered, [start, stop])
            if first < last:
                block = np.frombuffer(data, array_header.dtype).reshape(stop - start, width)
                with np.errstate(over="ignore"):
                    values[order[first:last]] = block[ordered[first:last] - start]
        file.read()  # to the checksum
        return values


@contextmanager
def _opened(path: Path, name: str, param: str = "") -> Iterator[tuple[Header, IO[bytes]]]:
    """The header of an array, and the file at its data.

    LaffError where there is no such array, data is missing, or it is far larger than its file.
    """
    arrays = names(path)
    if name not in arrays:
        wanted = f"; set params.{param} to the one that is meant" if param and len(arrays) <= SHOWN else ""
        raise LaffError(f"{path}: has no array {name!r}; it holds {_listed(arrays)}{wanted}")
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            array_header = _header(file)
            _check(path, name, array_header, archive.getinfo(f"{name}.npy"), file.tell())
            yield array_header, file
    except BROKEN as error:
        raise LaffError(f"{path}: array {name!r} cannot be read ({_words(error)}); was the file cut off?") from error


def _header(file: IO[bytes]) -> Header:
    """The header at the beginning of an array's file.

    ValueError with a text of laff's: NumPy's advises to load the file without this check.
    """
    start = file.read(np.lib.format.MAGIC_LEN)
    size_bytes = file.read(2 if start[-2:] == b"\1\0" else 4)
    length = int.from_bytes(size_bytes, "little")
    if length > HEADER and start.startswith(np.lib.format.MAGIC_PREFIX):
        raise ValueError(f"its header claims {length} bytes")
    whole = io.BytesIO(
        start + size_bytes + file.read(min(length, HEADER))
    )  # NumPy would read as much as a header claims
    try:
        version = np.lib.format.read_magic(whole)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(whole)
    except (zipfile.BadZipFile, zlib.error, OSError):
        raise
    except Exception:  # it is parsed as Python, and there is no end of what that may raise
        raise ValueError("it has no header of NumPy") from None
    return Header(shape, dtype, fortran)


def _check(path: Path, name: str, array_header: Header, member: zipfile.ZipInfo, start: int) -> None:
    """Raise LaffError for an array of objects, of another size than its header says, or much too large."""
    if array_header.dtype.hasobject:
        kind = "str" if name == "ids" else "np.float32"
        raise LaffError(
            f"{path}: array {name!r} holds Python objects, whose reading can run code, so laff reads none; "
            f"write it as plain text or numbers: np.savez(…, {name}=np.array({name}, dtype={kind}))"
        )
    size, data = math.prod(array_header.shape) * array_header.dtype.itemsize, member.file_size - start
    if min(array_header.shape, default=0) < 0 or data != size:
        raise LaffError(f"{path}: array {name!r} should have {size} bytes of data ({array_header}), but has {data}")
    if size > LARGE and size > SHRUNK * member.compress_size:
        raise LaffError(
            f"{path}: array {name!r} would take {size / 1e9:.1f} GB of memory, but {member.compress_size / 1e6:.1f} MB "
            "of the file, so it holds hardly anything; if it is right, write it by np.savez, which does not compress"
        )


def _words(error: Exception) -> str:
    """The first line of an error's text, or its type where it has none."""
    return printable(str(error).splitlines()[0]) if str(error) else type(error).__name__


def _listed(arrays: Sequence[str]) -> str:
    """The names of arrays in one text; of many only the first."""
    shown = ", ".join(map(printable, sorted(arrays)[:SHOWN]))
    if len(arrays) <= SHOWN:
        return shown
    return (
        f"{shown}, … ({len(arrays)}); if each is the row of an id, write them as "
        "np.savez(…, ids=list(arrays), values=np.stack([arrays[name] for name in arrays]))"
    )
