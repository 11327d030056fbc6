"""Arrays of .npz archives: headers are read before data, pickled objects never, and of rows only those wanted kept."""

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
LARGE = 1 << 28  # bytes; from here on an array must not be
HEADER = 1 << 16  # bytes; NumPy's own take some hundred
SHOWN = 8  # names in a message
SHRUNK = 100  # times smaller in its file: zeros that take no disk would take any memory
BROKEN = (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Header:
    """What an array says before its data."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool  # columns lie together, not rows

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


def names(path: Path) -> list[str]:
    """The arrays of an archive. LaffError, which says what it is instead, where the file is none."""
    if kinds.waits(path):
        raise LaffError(f"{path}: is {kinds.PIPE}; {kinds.WANTED}")
    try:
        with zipfile.ZipFile(path) as archive:
            found = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except OSError as error:
        raise LaffError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, zipfile.BadZipFile):
        raise LaffError(kinds.told(path)) from None
    if not found:
        raise LaffError(kinds.told(path))
    return found


def header(path: Path, name: str, param: str = "") -> Header:
    """What an array says of itself; its data is not read. LaffError where it is not there or is no plain array.

    param: the parameter of the stage that may name another.
    """
    with _opened(path, name, param) as (found, _):
        return found


def load(path: Path, name: str) -> np.ndarray:
    """A whole array."""
    with _opened(path, name) as (found, file):
        data = file.read()
        values = np.frombuffer(data, found.dtype, math.prod(found.shape))
        return values.reshape(found.shape, order="F" if found.fortran else "C")


def rows(path: Path, name: str, wanted: Sequence[int]) -> np.ndarray:
    """Rows of a two-dimensional array, in the order `wanted` -> [n, D] float32. Reads to the end, to the checksum."""
    with _opened(path, name) as (found, file):
        count, width = found.shape
        values = np.zeros((len(wanted), width), np.float32)
        places = np.asarray(wanted, np.int64)
        order = np.argsort(places, kind="stable")
        ordered = places[order]
        if found.fortran:
            whole = np.frombuffer(file.read(), found.dtype, count * width).reshape(found.shape, order="F")
            with np.errstate(over="ignore"):
                values[:] = whole[places]
            return values
        step = max(1, AT_ONCE // max(1, width * found.dtype.itemsize))
        for start in range(0, count, step):
            stop = min(count, start + step)
            data = file.read((stop - start) * width * found.dtype.itemsize)
            first, last = np.searchsorted(ordered, [start, stop])
            if first < last:
                block = np.frombuffer(data, found.dtype).reshape(stop - start, width)
                with np.errstate(over="ignore"):
                    values[order[first:last]] = block[ordered[first:last] - start]
        file.read()  # to the checksum
        return values


@contextmanager
def _opened(path: Path, name: str, param: str = "") -> Iterator[tuple[Header, IO[bytes]]]:
    """An array's header, and its file at the data, which is all there and not far larger than its file."""
    there = names(path)
    if name not in there:
        wanted = f"; set params.{param} to the one that is meant" if param and len(there) <= SHOWN else ""
        raise LaffError(f"{path}: has no array {name!r}; it holds {_listed(there)}{wanted}")
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            found = _header(file)
            _check(path, name, found, archive.getinfo(f"{name}.npy"), file.tell())
            yield found, file
    except BROKEN as error:
        raise LaffError(f"{path}: array {name!r} cannot be read ({_words(error)}); was the file cut off?") from error


def _header(file: IO[bytes]) -> Header:
    """Raises ValueError, in words of ours: NumPy's advise to load the file all the same."""
    start = file.read(np.lib.format.MAGIC_LEN)
    count = file.read(2 if start[-2:] == b"\1\0" else 4)
    length = int.from_bytes(count, "little")
    if length > HEADER and start.startswith(np.lib.format.MAGIC_PREFIX):
        raise ValueError(f"its header claims {length} bytes")
    whole = io.BytesIO(start + count + file.read(min(length, HEADER)))  # NumPy would read as much as a header claims
    try:
        version = np.lib.format.read_magic(whole)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(whole)
    except (zipfile.BadZipFile, zlib.error, OSError):
        raise
    except Exception:  # it is parsed as Python, and there is no end of what that may raise
        raise ValueError("it has no header of NumPy") from None
    return Header(shape, dtype, fortran)


def _check(path: Path, name: str, found: Header, member: zipfile.ZipInfo, start: int) -> None:
    if found.dtype.hasobject:
        kind = "str" if name == "ids" else "np.float32"
        raise LaffError(
            f"{path}: array {name!r} holds Python objects, whose reading can run code, so laff reads none; "
            f"write it as plain text or numbers: np.savez(…, {name}=np.array({name}, dtype={kind}))"
        )
    size = math.prod(found.shape) * found.dtype.itemsize
    if min(found.shape, default=0) < 0 or member.file_size - start != size:
        raise LaffError(
            f"{path}: array {name!r} should have {size} bytes of data ({found}), but has {member.file_size - start}"
        )
    if size > LARGE and size > SHRUNK * member.compress_size:
        raise LaffError(
            f"{path}: array {name!r} would take {size / 1e9:.1f} GB of memory, but {member.compress_size / 1e6:.1f} MB "
            "of the file, so it holds hardly anything; if it is right, write it by np.savez, which does not compress"
        )


def _words(error: Exception) -> str:
    return printable(str(error).splitlines()[0]) if str(error) else type(error).__name__


def _listed(there: Sequence[str]) -> str:
    """Names of arrays, of many the first."""
    shown = ", ".join(map(printable, sorted(there)[:SHOWN]))
    if len(there) <= SHOWN:
        return shown
    return (
        f"{shown}, … ({len(there)}); if each is the row of an id, write them as "
        "np.savez(…, ids=list(arrays), values=np.stack([arrays[name] for name in arrays]))"
    )
