"""Large arrays of an HDF5 file: one thread writes them while another hashes them, which would else come after it."""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np

LEAST = 4 << 20  # bytes; HDF5 writes smaller arrays as quickly
PIECE = 16 << 20  # bytes that are written, or hashed, in one call: an interrupt comes in between


@dataclass(frozen=True)
class Large:
    """An array and its place in a file."""

    offset: int  # bytes
    content: memoryview  # of bytes


def put(file: Any, name: str, values: np.ndarray, later: list[Large]) -> None:
    """Make a dataset of an open h5py.File; large values are left to `write_and_hash`, and must not change until then.

    Only plain numbers in this machine's order of bytes are, since they lie in a file as they do in memory.
    """
    if values.nbytes < LEAST or values.dtype.kind not in "fiu" or not values.dtype.isnative:
        file.create_dataset(name, data=values)
        return
    dataset = file.create_dataset(name, shape=values.shape, dtype=values.dtype)
    first = (0,) * values.ndim
    dataset[first] = values[first]  # the first write gives the whole dataset its place
    later.append(Large(dataset.id.get_offset(), np.ascontiguousarray(values).data.cast("B")))


def write_and_hash(handle: int, start: int, arrays: Iterable[Large]) -> str:
    """Write the arrays into a file that HDF5 has closed -> hex sha256 of all its bytes from `start` on.

    The bytes are on their way to the disk when this returns. Raises OSError as of a full disk.
    """
    ordered, digest, place = sorted(arrays, key=lambda array: array.offset), hashlib.sha256(), start
    stop = Event()
    with ThreadPoolExecutor(1) as beside:
        written = beside.submit(_write, handle, ordered, stop)
        try:
            for array in ordered:
                _hash_file(digest, handle, place, array.offset)
                for at in range(0, len(array.content), PIECE):
                    if written.done():
                        written.result()  # a full disk, which is told before the rest is hashed
                    digest.update(array.content[at : at + PIECE])
                place = array.offset + len(array.content)
            _hash_file(digest, handle, place, os.fstat(handle).st_size)
            written.result()
        finally:
            stop.set()
    return digest.hexdigest()


def _write(handle: int, arrays: Iterable[Large], stop: Event) -> None:
    """Write arrays to their places, and flush them, unless it is told to stop."""
    for array in arrays:
        left, place = array.content, array.offset
        while len(left):
            if stop.is_set():
                return
            count = os.pwrite(handle, left[:PIECE], place)
            left, place = left[count:], place + count
    os.fsync(handle)


def _hash_file(digest: Any, handle: int, place: int, end: int) -> None:
    """Add the bytes of a file from `place` to `end`."""
    while place < end and (piece := os.pread(handle, min(PIECE, end - place), place)):
        digest.update(piece)
        place += len(piece)
