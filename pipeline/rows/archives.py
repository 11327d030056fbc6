"""Reads arrays of .npz archives: headers before data, no pickled objects, and into memory only the rows wanted."""

import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from pipeline.errors import LaffError, printable
from pipeline.rows import kinds
from pipeline.rows.arrays import Header, check_memory, check_size, read_header
from pipeline.rows.pieces import pieces

SHOWN = 8  # names in a message
BROKEN = (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


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
        with np.errstate(over="ignore"):
            if array_header.fortran:
                table = np.frombuffer(file.read(), array_header.dtype, count * width)
                values[:] = table.reshape(array_header.shape, order="F")[np.asarray(wanted, np.int64)]
                return values
            row_bytes = width * array_header.dtype.itemsize
            for piece in pieces(wanted, count, row_bytes):
                data = file.read((piece.stop - piece.start) * row_bytes)
                if len(piece.places):
                    block = np.frombuffer(data, array_header.dtype).reshape(piece.stop - piece.start, width)
                    values[piece.places] = block[piece.rows]
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
            array_header, member = read_header(file), archive.getinfo(f"{name}.npy")
            check_size(path, f"array {name!r}", array_header, member.file_size - file.tell())
            how = "by np.savez, which does not compress"
            check_memory(path, f"array {name!r}", array_header.size, member.compress_size, how)
            yield array_header, file
    except BROKEN as error:
        raise LaffError(f"{path}: array {name!r} cannot be read ({_words(error)}); was the file cut off?") from error


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
