"""Rows in an .npy [V, D], whose ids are in a file beside it; of frames, a third file says where each video begins.

For NAME.npy the ids are in NAME.ids.txt, NAME.ids.json, NAME.json, ids.txt or ids.json: lines, or a list of JSON, or an
object {id: row}. Of frames, NAME.starts.npy [V + 1] says which rows are of a video.
"""

import json
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.errors import LaffError
from pipeline.files import text_of
from pipeline.ids import decoded
from pipeline.rows.arrays import Header, check_size, read_header
from pipeline.rows.items import Items, Layout, Parts, checked_starts, id_texts

STARTS = ".starts.npy"


class Npy:
    """The rows of an array of NumPy's, of which only those that are wanted are read."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path, self.layout = path, layout

    @cached_property
    def items(self) -> Items:
        """The ids, and where the frames of each begin. LaffError where a file is missing or another length."""
        ids = read_ids(ids_beside(self.path))
        starts = None
        if self.layout.frames:
            path = beside(self.path, STARTS)
            if not path.is_file():
                raise LaffError(
                    f"{self.path}: frames need {path.name} beside it: {len(ids) + 1} whole numbers that rise from 0; "
                    "the frames of video v are the rows starts[v] up to starts[v + 1]"
                )
            table = mapped(path)
            starts = checked_starts(path, "the array", f"{table.dtype} {table.shape}", table, len(ids))
        return Items(ids, starts)

    def rows(self, wanted: list[int]) -> np.ndarray:
        """These rows of the table, [n, D] float32."""
        table, count = mapped(self.path), self.items.count
        if table.ndim != 2 or table.dtype.kind not in "fiu" or len(table) != count:
            raise LaffError(
                f"{self.path}: is {table.dtype} {table.shape}; it should be numbers [{count}, D], for the "
                f"{len(self.items.ids)} ids of {ids_beside(self.path).name}"
            )
        with np.errstate(over="ignore"):
            values: np.ndarray = table[np.asarray(wanted, np.int64)].astype(np.float32)
        return values

    def width(self) -> int:
        """D, from the header alone; 0 where it has not two dimensions."""
        shape = header_of(self.path)[0].shape
        return shape[1] if len(shape) == 2 else 0

    def parts(self) -> Parts:
        """One table."""
        return Parts({"": self.width()}, [], frames=beside(self.path, STARTS).is_file())


def beside(path: Path, ending: str) -> Path:
    """The file beside an .npy with this ending in place of its own."""
    return path.with_name(path.name.removesuffix(".npy") + ending)


def ids_beside(path: Path) -> Path:
    """The file with the ids of an .npy. LaffError where there is none, or two that may both be meant."""
    of_file = [beside(path, ending) for ending in (".ids.txt", ".ids.json", ".json")]
    of_folder = [path.with_name(name) for name in ("ids.txt", "ids.json")]
    for candidates in (of_file, of_folder):
        there = [file for file in candidates if file.is_file()]
        if len(there) > 1:
            raise LaffError(f"{path}: its ids may be in {there[0].name} or in {there[1].name}; keep one of them")
        if there:
            return there[0]
    raise LaffError(
        f"{path}: it is a single array (.npy), which has no ids: beside it should lie {of_file[0].name}, an id a line "
        "in the order of its rows (or " + ", ".join(file.name for file in [*of_file[1:], *of_folder]) + ")"
    )


def read_ids(path: Path) -> list[str]:
    """The ids of a list: lines, or JSON where its name ends so. LaffError where it is neither."""
    try:
        text = text_of(path)
    except (OSError, UnicodeError) as error:
        raise LaffError(f"{path}: cannot be read: {error}") from error
    if path.suffix != ".json":
        return [decoded(line) for line in text.splitlines() if line.strip()]
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LaffError(f"{path}: no JSON ({error}); it should be a list of ids, in the order of the rows") from None
    if isinstance(content, dict) and all(type(row) is int for row in content.values()):
        if sorted(content.values()) != list(range(len(content))):
            raise LaffError(f"{path}: the rows of its {len(content)} ids are not 0 to {len(content) - 1}, each once")
        return id_texts(path, "ids", sorted(content, key=content.__getitem__))
    if not isinstance(content, list) or not all(isinstance(id_, str | int) for id_ in content):
        raise LaffError(f"{path}: it should be a list of ids, in the order of the rows, or an object {{id: row}}")
    return id_texts(path, "ids", content)


def header_of(path: Path) -> tuple[Header, int]:
    """The header of an .npy, and where its data begins. LaffError where it is none, or not whole, or not plain."""
    try:
        with path.open("rb") as file:
            header, start = read_header(file), file.tell()
        size = path.stat().st_size - start
    except OSError as error:
        raise LaffError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise LaffError(f"{path}: cannot be read as an .npy ({error}); was the file cut off?") from None
    check_size(path, "the array", header, size)
    return header, start


def mapped(path: Path) -> np.ndarray:
    """The array of an .npy, of which the disk gives what is used. LaffError as `header_of`."""
    header, start = header_of(path)
    order = "F" if header.fortran else "C"
    if not header.size:
        return np.zeros(header.shape, header.dtype)
    return np.memmap(path, header.dtype, "r", start, header.shape, order)  # type: ignore[call-overload, no-any-return]
