"""HDF5 files with a checksum of every byte, written so that a full disk is an error and not a crash.

The first 512 bytes are HDF5's user block, which HDF5 libraries skip: a line in it has the sha256 of all that follows.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.rows import large, whole

BLOCK = 512  # bytes of the user block: the smallest that HDF5 allows
START = b"laff shard sha256 "
LINE = re.compile(START + rb"([0-9a-f]{64})\n\0*")  # the whole block
META = 1 << 20  # bytes; larger pieces that HDF5 writes are values, which it does not read again


@contextmanager
def create(path: Path, later: Sequence[large.Large] = ()) -> Iterator[Any]:
    """An h5py.File to fill; on a clean exit it becomes `path`, with its checksum, else it is removed.

    later: a list to which whoever fills the file adds what is written at the end, beside the hashing (`large.put`).
    """
    import h5py

    with files.whole(path) as temporary, FileIO(temporary, "w+") as raw:
        disk = _Disk(raw)
        try:
            with h5py.File(disk, "w", userblock_size=BLOCK) as file:
                yield file
            if disk.error is None:
                digest = large.write_and_hash(disk.handle, BLOCK, later) if later else _behind_block(raw)
                line = START + digest.encode() + b"\n"
                disk.seek(0)
                disk.write(line.ljust(BLOCK, b"\0"))
        finally:
            if disk.error is not None:
                raise disk.error


class _Disk:
    """A file for HDF5 whose methods never fail: `error` is the first error, to be raised when HDF5 is done.

    HDF5 2.0 crashes, at once or at exit, where a write fails, as on a full disk, or where it cannot read what it wrote.
    """

    def __init__(self, raw: FileIO) -> None:
        self.handle = raw.fileno()
        self.error: BaseException | None = None
        self.place = self.size = 0
        self.unwritten: list[tuple[int, bytes]] = []  # place and bytes of writes since the error

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; h5py gets the size by going to the end."""
        self.place = offset + (0, self.place, self.size)[whence]
        return self.place

    def tell(self) -> int:
        """The place where the next read or write begins."""
        return self.place

    def write(self, data: Any) -> int:
        """Write a buffer, unless a write has failed before."""
        left = memoryview(data)
        try:
            while self.error is None and len(left):
                left = left[os.pwrite(self.handle, left, self.place + len(data) - len(left)) :]
        except BaseException as error:  # also an interrupt, which HDF5 would take for a failed write
            self.error = error
        if self.error is not None and len(data) <= META:
            self.unwritten.append((self.place, bytes(data)))
        self.place += len(data)
        self.size = max(self.size, self.place)
        return len(data)

    def read(self, size: int) -> bytes:
        """The next `size` bytes, as `readinto` gives them."""
        data = bytearray(size)
        self.readinto(data)
        return bytes(data)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the bytes that were written, or should have been."""
        start, size = self.place, len(buffer)
        content = bytearray(os.pread(self.handle, size, start).ljust(size, b"\0"))
        for place, data in self.unwritten:
            low, high = max(start, place), min(start + size, place + len(data))
            if low < high:
                content[low - start : high - start] = data[low - place : high - place]
        buffer[:] = content
        self.place += size
        return size

    def truncate(self, size: int) -> int:
        """Cut or extend to `size` bytes."""
        try:
            os.ftruncate(self.handle, size)
        except OSError as error:
            self.error = self.error or error
        self.size = size
        return size

    def flush(self) -> None:
        """Do nothing: no byte is held back."""


def _behind_block(raw: FileIO) -> str:
    """The sha256 of all bytes behind the user block."""
    raw.seek(BLOCK)
    return hashlib.file_digest(raw, "sha256").hexdigest()


def is_ours(path: Path) -> bool:
    """Whether a file, whole or damaged, begins as a shard of laff's."""
    try:
        with FileIO(path) as raw:
            return raw.read(len(START)) == START
    except OSError:
        return False


def check(path: Path) -> str:
    """What is wrong with the bytes of a shard, or ''. Reads all of them."""
    try:
        with FileIO(path) as raw:
            started, state = time.time(), whole.state(os.fstat(raw.fileno()))
            line = LINE.fullmatch(block := raw.read(BLOCK))
            if line is None or len(block) < BLOCK:
                return "it has no checksum"
            changed = _behind_block(raw) != line[1].decode()
    except OSError as error:
        return error.strerror or str(error)
    if not changed:
        whole.WHOLE.remember(state, started)
    return "its checksum is wrong: bytes were lost or changed after it was written" if changed else ""


@contextmanager
def checked(path: Path) -> Iterator[Any]:
    """A file of `create`, opened by h5py for reading; ValueError where its bytes have changed.

    A file that this process found whole is not read again for that, as long as its state stays (`whole`).
    """
    import h5py

    if not whole.WHOLE.has(path) and (wrong := check(path)):
        raise ValueError(wrong)
    with h5py.File(path) as file:
        yield file
