"""The HDF5 layout of features: write whole shards, read rows back. The README holds it as a table.

The first 512 bytes of a shard are its HDF5 user block, which HDF5 skips: it holds the sha256 of all that follows.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import files
from pipeline.errors import LaffError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BLOCK = 512  # bytes of the user block: the least that HDF5 allows
START = b"laff shard sha256 "
LINE = re.compile(START + rb"([0-9a-f]{64})\n\0*")  # the whole block


@dataclass
class Shard:
    """Rows of one shard in memory."""

    ids: list[str]  # [V]
    values: "np.ndarray | csr_matrix"  # [V, D]
    attributes: dict[str, Any]
    failed: list[dict[str, str]]  # ledger lines of the items that have no row


def write(
    path: Path,
    ids: Sequence[str],
    values: "np.ndarray | csr_matrix",
    attributes: dict[str, Any],
    failed: Sequence[dict[str, str]] = (),
    extra: dict[str, np.ndarray] | None = None,
) -> None:
    """Write a shard, whole or not at all.

    ids [V]; values [V, D] dense, or CSR, kept as indptr, indices, data. `attributes` are kept as JSON but for plain
    text and numbers; `failed` are the ledger's lines of items without a row; `extra` are further datasets of V rows.
    """
    import h5py

    if values.shape[0] != len(ids):
        raise LaffError(f"{path}: {len(ids)} ids but {values.shape[0]} rows of values")
    with create(path) as file:
        file.create_dataset("ids", data=list(ids), dtype=h5py.string_dtype(), shape=(len(ids),))
        if isinstance(values, np.ndarray):
            file.create_dataset("values", data=values)
        else:
            for part in ("indptr", "indices", "data"):
                file.create_dataset(part, data=getattr(values, part))
            file.attrs["columns"] = values.shape[1]
        for name, rows in (extra or {}).items():
            file.create_dataset(name, data=rows)
        lines = [json.dumps(line, ensure_ascii=False) for line in failed]
        file.create_dataset("failed", data=lines, dtype=h5py.string_dtype(), shape=(len(lines),))
        for name, value in attributes.items():
            file.attrs[name] = value if isinstance(value, str | int | float) else json.dumps(value)


@contextmanager
def create(path: Path) -> Iterator[Any]:
    """An h5py.File to be filled; on a clean exit it becomes `path` with its checksum, else nothing is left of it."""
    import h5py

    with files.whole(path) as temporary, FileIO(temporary, "w+") as raw:
        disk = _Disk(raw)
        try:
            with h5py.File(disk, "w", userblock_size=BLOCK) as file:
                yield file
            line = START + _behind_block(raw).encode() + b"\n"
            raw.seek(0)
            disk.write(line.ljust(BLOCK, b"\0"))
        finally:
            if disk.error is not None:
                raise disk.error


class _Disk:
    """A file for HDF5 to write to that never fails: `error` is what went wrong first, to be raised when HDF5 is done.

    HDF5 2.0 cannot close a file whose last writes failed, as on a full disk: it crashes at exit, or earlier.
    """

    def __init__(self, raw: FileIO) -> None:
        self.raw = raw
        self.error: BaseException | None = None
        self.seek, self.tell, self.read, self.readinto = raw.seek, raw.tell, raw.read, raw.readinto

    def write(self, data: Any) -> int:
        """Write all of a buffer, unless a write failed before."""
        left = memoryview(data)
        try:
            while self.error is None and len(left):
                left = left[self.raw.write(left) :]
        except BaseException as error:  # an interrupt too: HDF5 would take it for a failed write
            self.error = error
        return len(data)

    def truncate(self, size: int) -> int:
        """Cut or extend to `size` bytes."""
        try:
            self.raw.truncate(size)
        except OSError as error:
            self.error = self.error or error
        return size

    def flush(self) -> None:
        """Nothing is held back."""


def _behind_block(raw: FileIO) -> str:
    raw.seek(BLOCK)
    return hashlib.file_digest(raw, "sha256").hexdigest()


def is_ours(path: Path) -> bool:
    """Whether a file begins as our shards do, whole or damaged."""
    try:
        with FileIO(path) as raw:
            return raw.read(len(START)) == START
    except OSError:
        return False


def check(path: Path) -> str:
    """What is wrong with the bytes of a shard, or ''. Reads all of them; every one counts."""
    try:
        with FileIO(path) as raw:
            line = LINE.fullmatch(block := raw.read(BLOCK))
            if line is None or len(block) < BLOCK:
                return "it has no checksum"
            wrong = _behind_block(raw) != line[1].decode()
    except OSError as error:
        return error.strerror or str(error)
    return "its checksum is wrong: bytes were lost or changed after it was written" if wrong else ""


@contextmanager
def checked(path: Path) -> Iterator[Any]:
    """A file of `create`, opened with h5py for reading; ValueError where its bytes are not those that were written."""
    import h5py

    if wrong := check(path):
        raise ValueError(wrong)
    with h5py.File(path) as file:
        yield file


def read(path: Path) -> Shard:
    """All rows of a shard, checked before; LaffError where the file is missing or damaged."""
    try:
        with checked(path) as file:
            if "values" in file:
                values: Any = file["values"][:]
            else:
                from scipy.sparse import csr_matrix

                values = csr_matrix(
                    (file["data"][:], file["indices"][:], file["indptr"][:]),
                    shape=(len(file["ids"]), int(file.attrs["columns"])),
                )
            failed = [json.loads(line) for line in file["failed"].asstr()[:]] if "failed" in file else []
            return Shard(file["ids"].asstr()[:].tolist(), values, attributes(file), failed)
    except (OSError, KeyError, ValueError) as error:
        raise LaffError(
            f"{path}: not a readable shard ({error}); `laff verify` finds all such files, the next run makes them again"
        ) from None


def attributes(file: Any) -> dict[str, Any]:
    """Attributes of an open shard as plain values."""
    return {name: value.item() if hasattr(value, "item") else value for name, value in file.attrs.items()}


def marks(path: Path) -> dict[str, Any] | None:
    """What a plan asks of a shard that the index does not know: its marks, or None where it is damaged."""
    try:
        with checked(path) as file:
            found = attributes(file)
            return {
                "fingerprint": found["fingerprint"],
                "content": found["content"],
                "recipe": json.loads(found["recipe"]),
                "rows": len(file["ids"]),
                "failed": [json.loads(line) for line in file["failed"].asstr()[:]],
            }
    except (OSError, KeyError, ValueError):
        return None


def column(path: Path, name: str) -> np.ndarray:
    """One further dataset of a shard, such as `packets` of decode."""
    import h5py

    with h5py.File(path) as file:
        data = file[name]
        return np.asarray(data.asstr()[:] if h5py.check_string_dtype(data.dtype) else data[:])


def describe(path: Path) -> str:
    """What a file holds, for `laff show`: datasets with shapes, attributes, failures."""
    import h5py

    lines = [str(path)]
    try:
        with h5py.File(path) as file:
            for name, data in file.items():
                lines.append(f"  {name:12} {list(data.shape)} {data.dtype if data.dtype != object else 'text'}")
            lines += [f"  @{name} = {value}" for name, value in sorted(attributes(file).items())]
            if "failed" in file:
                lines += [f"  failed: {line}" for line in file["failed"].asstr()[:]]
    except OSError as error:
        raise LaffError(f"{path}: not a readable HDF5 file ({error})") from None
    return "\n".join(lines)


def read_ids(path: Path) -> list[str]:
    """Only the ids of a shard."""
    import h5py

    with h5py.File(path) as file:
        ids: list[str] = file["ids"].asstr()[:].tolist()
        return ids


def read_failed(path: Path) -> list[dict[str, str]]:
    """Only the ledger's lines of a shard."""
    import h5py

    with h5py.File(path) as file:
        return [json.loads(line) for line in file["failed"].asstr()[:]]
