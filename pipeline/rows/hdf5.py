"""Rows in an HDF5 file: datasets `ids` [V] and [V, D] (of frames with `starts` [V + 1]), or a dataset for each id.

A file reads nothing but itself: links to other files, virtual datasets and data kept outside are refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import LaffError, printable
from pipeline.ids import clean
from pipeline.rows.arrays import check_memory
from pipeline.rows.items import Items, Layout, Parts, check_dense, checked_starts, id_texts, rows_by_item, wrong_starts
from pipeline.rows.pieces import pieces

SHOWN = 8  # names in a message
HOW = "without compression"


class Hdf5:
    """The rows of an HDF5 file, of which only the parts with wanted rows are read."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path, self.layout = path, layout

    @cached_property
    def items(self) -> Items:
        """The ids, and of frames where those of each begin. LaffError where the file is damaged or another shape."""
        with opened(self.path) as file:
            if not self._by_id:
                ids = self._list(file)
                return Items(ids, self._starts(file, len(ids)) if self.layout.frames else None)
            ids = list(self._path_of)
            if not self.layout.frames:
                return Items(ids)
            lengths = np.array([len(self._frames(file, path)) for path in self._path_of.values()], np.int64)
            return Items(ids, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def rows(self, wanted: list[int]) -> np.ndarray:
        """These rows, [n, D] float32."""
        with opened(self.path) as file, np.errstate(over="ignore"):
            return self._rows_by_id(file, wanted) if self._by_id else self._rows_of_table(file, wanted)

    def width(self) -> int:
        """D, from what the file says of its datasets; 0 where it leaves open which is meant."""
        with opened(self.path) as file:
            if self._by_id:
                data = _plain(self.path, file, next(iter(self._path_of.values())))
                return int(data.shape[-1]) if data.ndim else 0
            name = self._table(file)
            return int(_plain(self.path, file, name).shape[1])

    def parts(self) -> Parts:
        """Its datasets, or that each id has one."""
        with opened(self.path) as file:
            if self._by_id:
                data = _plain(self.path, file, next(iter(self._path_of.values())))
                is_frames = data.ndim == 2 and len(data) != 1
                return Parts({"": int(data.shape[-1]) if data.ndim else 0}, [], is_frames)
            shapes = {name: file[name].shape for name in self._names if file[name].dtype.kind in "fiu"}
            tables = {name: int(shape[1]) for name, shape in shapes.items() if shape is not None and len(shape) == 2}
            if not tables:
                check_dense(self.path, shapes)
            lists = [name for name in self._names if name not in shapes and file[name].ndim == 1]
            return Parts(tables, lists, frames=self.layout.starts in self._names)

    @cached_property
    def _names(self) -> list[str]:
        """The names of all datasets, in any group."""
        with opened(self.path) as file:
            return _datasets(self.path, file)

    @cached_property
    def _by_id(self) -> bool:
        """Whether each id has a dataset of its own."""
        return self.layout.ids not in self._names

    @cached_property
    def _path_of(self) -> dict[str, str]:
        """{id: its dataset}; where params.array is given, the id is the name of the group that holds it."""
        ending = f"/{self.layout.array}" if self.layout.array else ""
        paths = {clean(name.removesuffix(ending)): name for name in self._names if name.endswith(ending)}
        if not paths:
            listed = ", ".join(map(printable, self._names[:SHOWN])) or "nothing"
            wanted = f"dataset GROUP{ending}" if ending else "dataset"
            raise LaffError(f"{self.path}: has no {wanted}; it holds {listed}")
        return paths

    def _list(self, file: Any) -> list[str]:
        name = self.layout.ids
        data = _plain(self.path, file, name, text=True)
        if data.ndim != 1:
            raise LaffError(f"{self.path}: {name!r} is {_words(data)}; it should be a list of names")
        return id_texts(self.path, name, data[:].tolist())

    def _starts(self, file: Any, count: int) -> np.ndarray:
        name = self.layout.starts
        if name not in self._names:
            raise LaffError(
                f"{self.path}: has no dataset {name!r}, which says where the frames of each video begin, [{count + 1}]"
            )
        data = _plain(self.path, file, name)
        if data.shape != (count + 1,):
            raise wrong_starts(self.path, name, _words(data), count)
        return checked_starts(self.path, name, _words(data), data[:], count)

    def _table(self, file: Any) -> str:
        """The name of the dataset with two dimensions."""
        layout = self.layout
        if layout.array:
            if layout.array not in self._names:
                listed = ", ".join(map(printable, self._names[:SHOWN]))
                raise LaffError(
                    f"{self.path}: has no dataset {layout.array!r}; it holds {listed}; "
                    "set params.array to the one that is meant"
                )
            return layout.array
        others = [name for name in self._names if name not in (layout.ids, layout.starts)]
        tables = [name for name in others if file[name].ndim == 2]
        if len(tables) != 1:
            check_dense(self.path, others)
            held = ", ".join(f"{printable(name)} {_words(file[name])}" for name in others[:SHOWN]) or "none"
            what = "name the dataset to read, as params.array" if tables else "has no dataset [V, D]"
            raise LaffError(f"{self.path}: {what}; beside {layout.ids} it holds {held}")
        return tables[0]

    def _rows_of_table(self, file: Any, wanted: list[int]) -> np.ndarray:
        name, count = self._table(file), self.items.count
        data = _plain(self.path, file, name)
        if data.ndim != 2 or len(data) != count:
            raise LaffError(f"{self.path}: {name!r} is {_words(data)}; it should be numbers [{count}, D]")
        values = np.zeros((len(wanted), data.shape[1]), np.float32)
        for piece in pieces(wanted, count, data.shape[1] * data.dtype.itemsize):
            if len(piece.places):
                first, last = int(piece.rows[0]), int(piece.rows[-1])
                block = data[piece.start + first : piece.start + last + 1]
                values[piece.places] = block[piece.rows - first]
        return values

    def _rows_by_id(self, file: Any, wanted: list[int]) -> np.ndarray:
        paths = list(self._path_of.values())

        def read(item: int, count: int) -> np.ndarray:
            if self.layout.frames:
                first: np.ndarray = self._frames(file, paths[item])[:count]
                return first
            data = _plain(self.path, file, paths[item])
            if data.ndim == 0 or data.size != data.shape[-1]:
                raise LaffError(
                    f"{self.path}: {paths[item]!r} is {_words(data)}; it should be a row of numbers [D]"
                    + ("; `level: frame` reads [T, D]" if data.ndim == 2 else "")
                )
            row: np.ndarray = data[...].reshape(1, -1)
            return row

        values = rows_by_item(self.path, self.items, wanted, read)
        return np.zeros((0, self.width()), np.float32) if values is None else values

    def _frames(self, file: Any, name: str) -> Any:
        """The dataset [T, D] of a video."""
        data = _plain(self.path, file, name)
        if data.ndim != 2:
            raise LaffError(f"{self.path}: {name!r} is {_words(data)}; at level frame it should be numbers [T, D]")
        return data


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An HDF5 file of others, opened for reading. LaffError where it is missing or damaged."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise LaffError(f"{path}: cannot be read as HDF5 ({error}); was the file cut off?") from error


def _datasets(path: Path, file: Any) -> list[str]:
    """The names of all datasets, by name. LaffError where the file links to others."""
    import h5py

    names: list[str] = []

    def visit(name: str, link: Any) -> tuple[str, str] | None:
        """Collect a dataset; a link to elsewhere ends the visit, and is reported later (HDF5 takes no error here)."""
        if isinstance(link, h5py.ExternalLink):
            return name, f"{link.filename}:{link.path}"
        if isinstance(link, h5py.SoftLink):
            return name, str(link.path)
        if file.get(name, getclass=True) is h5py.Dataset:
            names.append(name)
        return None

    if outside := file.visititems_links(visit):
        raise LaffError(
            f"{path}: {printable(outside[0])!r} is a link to {printable(outside[1])!r}, and laff follows none; "
            "write the rows themselves into the file"
        )
    if not names:
        raise LaffError(f"{path}: holds no dataset")
    return names


def _plain(path: Path, file: Any, name: str, text: bool = False) -> Any:
    """A dataset whose data lies in this file and that is numbers, or names where `text`; LaffError else."""
    import h5py

    data = file[name]
    if data.external or data.is_virtual:
        raise LaffError(
            f"{path}: the data of {printable(name)!r} is in other files, which laff does not read; "
            "write the rows themselves into the file"
        )
    is_text = h5py.check_string_dtype(data.dtype) is not None
    if not (is_text or data.dtype.kind in "iu" if text else data.dtype.kind in "fiu"):
        raise LaffError(
            f"{path}: {printable(name)!r} is {_words(data)}; it should be {'a list of names' if text else 'numbers'}"
        )
    if data.shape is None:
        raise LaffError(f"{path}: {printable(name)!r} is empty")
    check_memory(path, repr(name), data.size * data.dtype.itemsize, data.id.get_storage_size(), HOW)
    return data


def _words(data: Any) -> str:
    """What a dataset is, in words."""
    return f"{data.dtype if data.dtype != object else 'text'} {data.shape}"
