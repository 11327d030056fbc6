"""NAME.npz with `ids` [V] and `values` [R, D], of frames also `starts` [V + 1]; sparse rows as CSR.

CSR is indptr [V + 1], indices, data, and the shape. The archive is not compressed, and holds no clock.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from pipeline.exporting.npy import write_header, write_rows
from pipeline.exporting.table import Table

FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip archive can hold
AT_ONCE = 1 << 16  # ids in memory at once as fixed text


def write(table: Table, folder: Path, name: str) -> list[str]:
    """Write the archive of a feature; returns its name."""
    with zipfile.ZipFile(folder / f"{name}.npz", "w") as archive:
        _write_ids(archive, table.ids)
        if table.sparse:
            _write_csr(archive, table)
        else:
            with _member(archive, "values") as file:
                write_rows(file, table)
        if table.frames:
            _write_array(archive, "starts", table.starts)
    return [f"{name}.npz"]


def _write_ids(archive: zipfile.ZipFile, ids: list[str]) -> None:
    text = np.dtype(f"<U{max(map(len, ids))}")
    with _member(archive, "ids") as file:
        write_header(file, text, (len(ids),))
        for first in range(0, len(ids), AT_ONCE):
            file.write(np.array(ids[first : first + AT_ONCE], text).tobytes())


def _write_csr(archive: zipfile.ZipFile, table: Table) -> None:
    """Write the parts of a sparse table, in one pass over its shards for each of the two large ones."""
    _write_array(archive, "shape", np.array([len(table.ids), table.width], np.int64))
    _write_array(archive, "indptr", table.starts)
    for number, (part, dtype) in enumerate((("indices", np.dtype("<i4")), ("data", table.dtype))):
        with _member(archive, part) as file:
            write_header(file, dtype, (int(table.starts[-1]),))
            for block in table.csr(number, 2):
                file.write(getattr(block, part).astype(dtype, copy=False).tobytes())


def _write_array(archive: zipfile.ZipFile, name: str, values: np.ndarray) -> None:
    with _member(archive, name) as file:
        np.lib.format.write_array(file, values, allow_pickle=False)


@contextmanager
def _member(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """A member to write, of any size, always with the same date."""
    with archive.open(zipfile.ZipInfo(f"{name}.npy", FIRST_DAY), "w", force_zip64=True) as file:
        yield file
