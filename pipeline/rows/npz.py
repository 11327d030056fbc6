"""Rows in an .npz: arrays `ids` [V] and [V, D]; of frames also `starts` [V + 1], with the rows of all videos."""

from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.errors import LaffError
from pipeline.rows import archives
from pipeline.rows.items import Items, Layout, Parts, check_dense, checked_starts, id_texts, wrong_starts


class Npz:
    """The rows of an archive of NumPy's."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path, self.layout = path, layout

    @cached_property
    def items(self) -> Items:
        """The ids, and where the frames of each begin. LaffError where an array is missing or no list."""
        ids = self._ids()
        return Items(ids, self._starts(len(ids)) if self.layout.frames else None)

    def rows(self, wanted: list[int]) -> np.ndarray:
        """These rows of the table, [n, D] float32; the archive is read from end to end."""
        return archives.rows(self.path, self._table(), wanted)

    def width(self) -> int:
        """D, from headers alone; 0 where they leave open which array is meant."""
        layout = self.layout
        names = [layout.array] if layout.array else [name for name in self._names() if name != layout.starts]
        shapes = [archives.header(self.path, name).shape for name in names]
        tables = [shape for shape in shapes if len(shape) == 2]
        return tables[0][1] if len(tables) == 1 else 0

    def parts(self) -> Parts:
        """Its arrays."""
        headers = {name: archives.header(self.path, name) for name in archives.names(self.path)}
        tables = {name: h.shape[1] for name, h in headers.items() if len(h.shape) == 2 and h.dtype.kind in "fiu"}
        if not tables:
            check_dense(self.path, headers)
        lists = [name for name, h in headers.items() if len(h.shape) == 1 and h.dtype.kind in "US"]
        return Parts(tables, lists, frames=self.layout.starts in headers)

    def _names(self) -> list[str]:
        """The names of all arrays but the ids."""
        return [name for name in archives.names(self.path) if name != self.layout.ids]

    def _ids(self) -> list[str]:
        name = self.layout.ids
        header = archives.header(self.path, name, "ids")
        if len(header.shape) != 1 or header.dtype.kind not in "USiu":
            raise LaffError(f"{self.path}: {name!r} is {header}; it should be a list of names")
        return id_texts(self.path, name, archives.load(self.path, name).tolist())

    def _starts(self, count: int) -> np.ndarray:
        name = self.layout.starts
        header = archives.header(self.path, name, "starts")
        if header.shape != (count + 1,):  # before any data is read
            raise wrong_starts(self.path, name, header, count)
        return checked_starts(self.path, name, header, archives.load(self.path, name), count)

    def _table(self) -> str:
        """The name of the two-dimensional array with a row for each id or frame."""
        layout, count = self.layout, self.items.count
        array = layout.array
        if not array:
            names = sorted(name for name in self._names() if name != layout.starts)
            headers = {name: archives.header(self.path, name) for name in names}
            fitting = [name for name, header in headers.items() if len(header.shape) == 2]
            if len(fitting) != 1:
                check_dense(self.path, names)
                held = ", ".join(f"{name} {header}" for name, header in headers.items()) or "none"
                if fitting:
                    raise LaffError(
                        f"{self.path}: name the `array` to read, as params.array; beside {layout.ids} it holds {held}"
                    )
                raise LaffError(
                    f"{self.path}: has no array [{count}, D]; beside {layout.ids} it holds {held}; "
                    "give each id one row of numbers"
                )
            array = fitting[0]
        header = archives.header(self.path, array, "array")
        if len(header.shape) != 2 or header.dtype.kind not in "fiu" or header.shape[0] != count:
            raise LaffError(f"{self.path}: {array!r} is {header}; it should be numbers [{count}, D]")
        return array
