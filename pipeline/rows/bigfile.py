"""Features that others extracted: BigFile folders (feature.bin, id.txt, shape.txt) and .npz archives."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from extractors.vectors import open_bigfile
from pipeline.errors import LaffError


def ids_of(path: Path, id_array: str = "ids") -> list[str]:
    """The ids of all rows, in order. Raises LaffError if the path is neither format or an id comes twice."""
    return _ids(path, id_array)


def read_rows(path: Path, ids: Sequence[str], array: str = "", id_array: str = "ids") -> tuple[np.ndarray, np.ndarray]:
    """Rows of the wanted ids -> rows [n, D] float32, in the order of `ids`, and found [n] bool; a missing one is zeros.

    path: a BigFile folder, of which only the wanted rows are read, or an .npz; array: which of the .npz ("" if only
    one is two-dimensional); id_array: its names of the rows. Pickled arrays are refused.
    Raises LaffError if the path is neither, sizes disagree, an id comes twice, or a wanted value is not finite.
    """
    names = _ids(path, id_array)
    rows = {name: row for row, name in enumerate(names)}
    table = _bigfile(path)[1] if path.is_dir() else _table(path, array, id_array, len(names))
    found = np.array([name in rows for name in ids], dtype=bool)
    values = np.zeros((len(ids), table.shape[1]), dtype=np.float32)
    wanted = np.array([rows[name] for name in ids if name in rows], dtype=np.int64)
    values[found] = table[wanted]
    _check_finite(path, ids, values)
    return values, found


def read_frames(
    path: Path, ids: Sequence[str], frames: int, array: str = "", id_array: str = "ids", start_array: str = "starts"
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of frames of the wanted ids -> values [n, T, D] float32 and counts [n] int32, how many of T are an id's own.

    path: an .npz with ids [V], starts [V + 1] and an array [starts[V], D]: the frames of id v are its rows starts[v]
    up to starts[v + 1], of which the first `frames` are taken. T is the most that any id of the file then has; the
    rest of a row is zeros. An id that the file lacks, or has no frame of, counts 0.
    Raises LaffError as `read_rows` does, and for starts that do not rise from 0 to the number of rows.
    """
    if path.is_dir():
        raise LaffError(f"{path}: a BigFile folder holds one row a video; frames come in an .npz with {start_array!r}")
    names, starts = _ids(path, id_array), _load(path, start_array)
    if starts.shape != (len(names) + 1,) or starts.dtype.kind not in "iu" or starts[0] or (np.diff(starts) < 0).any():
        wanted = f"{len(names) + 1} whole numbers that rise from 0"
        raise LaffError(f"{path}: {start_array!r} is {starts.dtype} {starts.shape}; it should be {wanted}")
    starts = starts.astype(np.int64)
    table = _table(path, array, id_array, int(starts[-1]), (start_array,))
    own = np.minimum(np.diff(starts), frames)
    rows = {name: row for row, name in enumerate(names)}
    values = np.zeros((len(ids), int(own.max(initial=1)), table.shape[1]), dtype=np.float32)
    counts = np.zeros(len(ids), np.int32)
    for place, name in enumerate(ids):
        if name in rows:
            first, counts[place] = starts[rows[name]], own[rows[name]]
            values[place, : counts[place]] = table[first : first + counts[place]]
    _check_finite(path, ids, values)
    return values, counts


def width(path: Path, array: str = "", others: Sequence[str] = ("ids", "starts")) -> int:
    """D of the rows that `read_rows` or `read_frames` would find, from headers alone; 0 where they don't tell.

    array: which of an .npz ("": the one that is two-dimensional, beside `others`).
    """
    try:
        if path.is_dir():
            return int((path / "shape.txt").read_text(encoding="utf-8").split()[1])
        with zipfile.ZipFile(path) as archive:
            shapes = {name.removesuffix(".npy"): _shape(archive, name) for name in archive.namelist()}
    except (OSError, ValueError, IndexError, zipfile.BadZipFile):
        return 0
    found = [shape for name, shape in shapes.items() if (name == array if array else name not in others)]
    tables = [shape for shape in found if len(shape) == 2]
    return tables[0][1] if len(tables) == 1 else 0


def _shape(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """The shape that the header of an array of an .npz says."""
    with archive.open(name) as file:
        old = np.lib.format.read_magic(file) == (1, 0)
        read = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        shape: tuple[int, ...] = read(file)[0]
        return shape


def _check_finite(path: Path, ids: Sequence[str], values: np.ndarray) -> None:
    finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if not finite.all():
        raise LaffError(
            f"{path}: the row of {ids[int(np.argmin(finite))]!r} holds a value that is not a finite float32"
        )


def _ids(path: Path, id_array: str) -> list[str]:
    if path.is_dir():
        names = _bigfile(path)[0]
    else:
        values = _load(path, id_array)
        if values.ndim != 1 or values.dtype.kind not in "USiu":
            raise LaffError(f"{path}: {id_array!r} is {values.dtype} {values.shape}; it should be a list of names")
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in values.tolist()]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise LaffError(f"{path}: id {name!r} comes twice, so its row is not clear")
        seen.add(name)
    return names


def _bigfile(folder: Path) -> tuple[list[str], np.ndarray]:
    try:
        return open_bigfile(folder)
    except ValueError as error:
        raise LaffError(str(error)) from error


def _table(path: Path, array: str, id_array: str, count: int, others: Sequence[str] = ()) -> np.ndarray:
    """The two-dimensional array of an .npz, which should have `count` rows; `others` names arrays that it is not."""
    if not array:
        names = _names(path)
        fitting = [name for name in names if name not in (id_array, *others) and _load(path, name).ndim == 2]
        if len(fitting) != 1:
            raise LaffError(f"{path}: name the `array` to read: it holds {', '.join(sorted(names))}")
        array = fitting[0]
    table = _load(path, array)
    if table.ndim != 2 or table.dtype.kind not in "fiu" or len(table) != count:
        raise LaffError(f"{path}: {array!r} is {table.dtype} {table.shape}; it should be numbers [{count}, D]")
    return table


def _names(path: Path) -> list[str]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return list(archive.files)
    except (OSError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise LaffError(f"{path}: neither a BigFile folder nor an .npz archive: {error}") from error


def _load(path: Path, name: str) -> np.ndarray:
    """One array of an archive; the others are not read."""
    names = _names(path)
    if name not in names:
        raise LaffError(f"{path}: has no array {name!r}; it holds {', '.join(sorted(names))}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return np.asarray(archive[name])
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise LaffError(f"{path}: array {name!r} cannot be read: {error}") from error
