"""Which rows of a table are of which id, and the names under which a file holds what."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import LaffError
from pipeline.ids import clean

MARK = "\ufeff"  # the byte order mark, at the beginning of lists that were made on Windows


@dataclass(frozen=True)
class Layout:
    """What a file calls its parts; a format uses those that it has."""

    array: str = ""  # the table of rows; "": the only one that can be it
    ids: str = "ids"  # the names of its rows or, of frames, of its videos
    starts: str = "starts"  # of frames: where those of each video begin, [V + 1]
    frames: bool = False  # whether a row is a frame of a video, not a video or a caption


@dataclass(frozen=True)
class Items:
    """The ids of a file in its order, and which rows of its table are theirs."""

    ids: list[str]  # [V]
    starts: np.ndarray | None = None  # [V + 1] int64: id v has the rows starts[v] up to starts[v + 1]; None: row v
    order: np.ndarray | None = None  # [R] int64: the place in the table of each of these rows; None: as they are

    @property
    def count(self) -> int:
        """R, the number of rows."""
        return len(self.ids) if self.starts is None else int(self.starts[-1])


@dataclass(frozen=True)
class Parts:
    """What a file holds, as far as headers tell: what a Layout may name."""

    tables: dict[str, int]  # {params.array: D}; the name is "" in a format of a single table
    lists: list[str]  # what may be params.ids; [] in a format that has no choice
    frames: bool  # whether it says which rows are frames of which video


def check_dense(path: Path, names: Collection[str]) -> None:
    """Raise LaffError where the parts that a file holds are those of sparse rows (CSR)."""
    if {"indptr", "indices", "data"} <= set(names):
        raise LaffError(
            f"{path}: its rows are sparse (indptr, indices, data), and laff reads dense ones: write ids and "
            "values=csr_matrix((data, indices, indptr), shape=shape).toarray() by np.savez; what is laff's own, `laff "
            "export --format h5` writes dense"
        )


def id_texts(path: Path, name: str, values: Sequence[object]) -> list[str]:
    """The ids that a list of text, bytes or numbers holds. LaffError where one is not UTF-8.

    path, name: the file and the part of it that a message names.
    """
    texts = []
    for value in values:
        try:
            texts.append(value.decode() if isinstance(value, bytes) else str(value))
        except UnicodeDecodeError:
            raise LaffError(f"{path}: {name!r} holds {value!r}, which is not UTF-8") from None
    texts[:1] = [text.removeprefix(MARK) for text in texts[:1]]
    return [clean(text) for text in texts]


def wrong_starts(path: Path, name: str, stored: object, count: int) -> LaffError:
    """The error for starts of `count` videos that cannot be; stored: what they are, in words."""
    return LaffError(f"{path}: {name!r} is {stored}; it should be {count + 1} whole numbers that rise from 0")


def checked_starts(path: Path, name: str, stored: object, starts: np.ndarray, count: int) -> np.ndarray:
    """Starts [V + 1] as int64; LaffError where they are not `count` + 1 whole numbers that rise from 0."""
    if starts.shape != (count + 1,) or starts.dtype.kind not in "iu":
        raise wrong_starts(path, name, stored, count)
    starts = starts.astype(np.int64)
    if starts[0] or (np.diff(starts) < 0).any():
        raise wrong_starts(path, name, stored, count)
    return starts


def rows_by_item(
    path: Path, items: Items, wanted: Sequence[int], read: Callable[[int, int], np.ndarray]
) -> np.ndarray | None:
    """These rows, [n, D] float32, of a table that is kept item by item; None where none is wanted.

    read: gives the first rows of an item, [count, D], from its place among the items and the count. LaffError where two
    items have rows of different widths.
    """
    rows = np.asarray(wanted, np.int64)
    owners, frames = rows, np.zeros_like(rows)
    if items.starts is not None:
        owners = np.searchsorted(items.starts, rows, side="right") - 1
        frames = rows - items.starts[owners]
    order = np.argsort(owners, kind="stable")
    values: np.ndarray | None = None
    for places in np.split(order, np.flatnonzero(np.diff(owners[order])) + 1) if len(order) else ():
        owner = int(owners[places[0]])
        block = read(owner, int(frames[places].max()) + 1)
        if values is None:
            values = np.zeros((len(rows), block.shape[1]), np.float32)
        if block.shape[1] != values.shape[1]:
            raise LaffError(
                f"{path}: {items.ids[owner]!r} has rows of {block.shape[1]} numbers, others of {values.shape[1]}"
            )
        with np.errstate(over="ignore"):
            values[places] = block[frames[places]]
    return values
