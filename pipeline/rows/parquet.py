"""Rows in a Parquet file: a column of ids, and a column of lists [D] or a column for each of D dimensions.

Of frames, the rows of an id follow each other, in their order.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import LaffError, Missing, printable
from pipeline.rows.arrays import check_memory
from pipeline.rows.items import Items, Layout, Parts, id_texts
from pipeline.rows.pieces import pieces

SHOWN = 8  # names in a message
FRAME = "frame"  # the column with the number of a frame
INDEX = "__index_level_"  # how pandas calls the columns of an index
FIRST = 16  # rows at once, of which the first list says the width


class Parquet:
    """The rows of a Parquet file; row groups without a wanted row are not read."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path, self.layout = path, layout

    @cached_property
    def items(self) -> Items:
        """The ids, and of frames where those of each begin. LaffError where there is no such column."""
        with opened(self.path) as file:
            name = self.layout.ids
            kinds = _kinds(file)
            if kinds.get(name) not in ("text", "whole"):
                raise LaffError(
                    f"{self.path}: has no column {name!r} of ids; it holds {_listed(kinds)}; "
                    "set params.ids to the one that is meant"
                )
            values = [value for batch in file.iter_batches(columns=[name]) for value in batch.column(0).to_pylist()]
        if None in values:
            raise LaffError(f"{self.path}: row {values.index(None)} has no id in {name!r}")
        ids = id_texts(self.path, name, values)
        if not self.layout.frames:
            return Items(ids)
        firsts = [row for row, id_ in enumerate(ids) if not row or ids[row - 1] != id_]
        return Items([ids[row] for row in firsts], np.array([*firsts, len(ids)], np.int64))

    def rows(self, wanted: list[int]) -> np.ndarray:
        """These rows, [n, D] float32; an empty cell is NaN."""
        with opened(self.path) as file:
            columns = self._columns(file)
            width = _width(file, columns)
            values = np.full((len(wanted), width), np.nan, np.float32)
            counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            starts = np.concatenate([[0], np.cumsum(np.array(counts, np.int64))])
            rows = np.asarray(wanted, np.int64)
            for group, count in enumerate(counts):
                places = np.flatnonzero((rows >= starts[group]) & (rows < starts[group + 1]))
                if len(places):
                    self._read_group(file, group, count, columns, values, places, rows[places] - starts[group])
        return values

    def width(self) -> int:
        """D, from what the file says of its columns."""
        with opened(self.path) as file:
            return _width(file, self._columns(file))

    def parts(self) -> Parts:
        """Its columns; its rows are frames where an id has several."""
        with opened(self.path) as file:
            kinds = _kinds(file)
            others = {name: kind for name, kind in kinds.items() if not self._beside(name)}
            tables = {name: _width(file, [name]) for name, kind in others.items() if kind == "list"}
            numbers = sum(kind in ("whole", "number") for kind in others.values())
            lists = [name for name, kind in kinds.items() if kind == "text"]
        if self.layout.ids not in kinds:
            return Parts(tables or {"": numbers}, lists, frames=False)
        items = Parquet(self.path, replace(self.layout, frames=True)).items
        return Parts(tables or {"": numbers}, lists, frames=items.count > len(items.ids))

    def _beside(self, column: str) -> bool:
        """Whether a column is no part of the rows: the ids, the numbers of frames, or an index that pandas wrote."""
        return column == self.layout.ids or column == FRAME or column.startswith(INDEX)

    def _columns(self, file: Any) -> list[str]:
        """The column of lists, or all columns of numbers."""
        array, kinds = self.layout.array, _kinds(file)
        others = {name: kind for name, kind in kinds.items() if not self._beside(name)}
        lists = [array] if array else [name for name, kind in others.items() if kind == "list"]
        numbers = [name for name, kind in others.items() if kind in ("whole", "number")]
        if len(lists) == 1 and others.get(lists[0]) == "list":
            return lists
        if array or lists or not numbers:
            what = f"no column {array!r} of lists of numbers" if array else "no column of numbers"
            what = "several columns of lists" if len(lists) > 1 else what
            hint = "; set params.array to the one that is meant" if array or lists else ""
            raise LaffError(f"{self.path}: has {what}; it holds {_listed(kinds)}{hint}")
        return numbers

    def _read_group(
        self, file: Any, group: int, count: int, columns: list[str], values: np.ndarray, places: np.ndarray, rows: Any
    ) -> None:
        """Fill values[places] with the rows of a row group."""
        about = file.metadata.row_group(group)
        chunks = [about.column(number) for number in range(about.num_columns)]
        stored = sum(chunk.total_compressed_size for chunk in chunks)
        check_memory(self.path, f"row group {group}", count * values.shape[1] * 4, stored, "with less compression")
        step = next(pieces([], count, values.shape[1] * 8), None)
        batches = file.iter_batches(step.stop if step else 1, row_groups=[group], columns=columns)
        start = 0
        for batch in batches:
            inside = np.flatnonzero((rows >= start) & (rows < start + len(batch)))
            if len(inside):
                values[places[inside]] = self._table(batch, columns, values.shape[1])[rows[inside] - start]
            start += len(batch)

    def _table(self, batch: Any, columns: list[str], width: int) -> np.ndarray:
        """The rows of a batch, [n, D] float32."""
        import pyarrow.compute

        cells = [batch.column(name) for name in columns]
        with np.errstate(over="ignore"):
            if _kind(cells[0].type) != "list":
                return np.stack([cell.to_numpy(zero_copy_only=False).astype(np.float32) for cell in cells], axis=1)
            lengths = pyarrow.compute.list_value_length(cells[0])
            is_whole = pyarrow.compute.is_valid(lengths).to_numpy(zero_copy_only=False)
            other = [length for length in lengths.to_pylist() if length not in (None, width)]
            if other:
                raise LaffError(f"{self.path}: {columns[0]!r} has lists of {width} and of {other[0]} numbers")
            table = np.full((len(batch), width), np.nan, np.float32)
            flat = cells[0].flatten().to_numpy(zero_copy_only=False)
            table[is_whole] = flat.astype(np.float32).reshape(-1, width)
            return table


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A Parquet file, opened for reading. LaffError where it is damaged, Missing where pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise Missing("pyarrow", f"reading {path}") from None
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            yield file
    except (OSError, pyarrow.ArrowException) as error:
        raise LaffError(f"{path}: cannot be read as Parquet ({error}); was the file cut off?") from error


def _kind(type_: Any) -> str:
    """What a column holds: text, whole or number, a list of numbers, or something else."""
    import pyarrow

    is_ = pyarrow.types
    if is_.is_string(type_) or is_.is_large_string(type_) or is_.is_binary(type_) or is_.is_large_binary(type_):
        return "text"
    if is_.is_dictionary(type_):
        return _kind(type_.value_type)
    if is_.is_integer(type_):
        return "whole"
    if is_.is_floating(type_):
        return "number"
    is_list = is_.is_list(type_) or is_.is_large_list(type_) or is_.is_fixed_size_list(type_)
    return "list" if is_list and _kind(type_.value_type) in ("whole", "number") else "other"


def _kinds(file: Any) -> dict[str, str]:
    """What each column holds."""
    return {field.name: _kind(field.type) for field in file.schema_arrow}


def _width(file: Any, columns: list[str]) -> int:
    """D: of a column of lists as its type says it, else the length of its first list; 0 where it has none."""
    type_ = file.schema_arrow.field(columns[0]).type
    if _kind(type_) != "list":
        return len(columns)
    import pyarrow

    if pyarrow.types.is_fixed_size_list(type_):
        return int(type_.list_size)
    for batch in file.iter_batches(FIRST, columns=columns):
        for cell in batch.column(0):
            if cell.is_valid:
                return len(cell)
    return 0


def _listed(kinds: dict[str, str]) -> str:
    """The columns of a file; of many only the first."""
    shown = ", ".join(f"{printable(name)} ({kind})" for name, kind in list(kinds.items())[:SHOWN])
    return shown if len(kinds) <= SHOWN else f"{shown}, … ({len(kinds)})"
