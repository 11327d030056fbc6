"""Reads features that others extracted: BigFile folders (feature.bin, id.txt, shape.txt) and .npz archives.

Ids are brought to NFC; those of id.txt may be percent-encoded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from extractors.vectors import NotBigFile, open_bigfile
from pipeline.errors import LaffError
from pipeline.ids import clean, decoded
from pipeline.rows import archives, kinds

MARK = "\ufeff"  # the byte order mark, at the beginning of lists that were made on Windows


@dataclass
class TakenRows:
    """The rows of the ids that were asked for, in their order."""

    values: np.ndarray  # [n, D] float32; of frames [n, T, D]; zeros where an id has no row
    counts: np.ndarray  # [n] int32: how many rows an id has; 0: none
    odd: np.ndarray  # [n] int32: how many values of an id are no finite float32; its row is zeros then
    files: np.ndarray | None = None  # [n] int32, set by `join`: the number of the file with an id's row; -1: none

    @property
    def sound(self) -> np.ndarray:
        """[n] bool: whether an id has a row and all its values are finite."""
        sound: np.ndarray = (self.counts > 0) & (self.odd == 0)
        return sound


def ids_of(path: Path, id_array: str = "ids") -> list[str]:
    """The ids of all rows, in order. LaffError where the path is in neither format or an id is listed twice."""
    if path.is_dir():
        names = _bigfile(path)[0]
    else:
        header = archives.header(path, id_array, "ids")
        if len(header.shape) != 1 or header.dtype.kind not in "USiu":
            raise LaffError(f"{path}: {id_array!r} is {header}; it should be a list of names")
        names = [_text(path, id_array, name) for name in archives.load(path, id_array).tolist()]
        names[:1] = [name.removeprefix(MARK) for name in names[:1]]
        names = [clean(name) for name in names]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise LaffError(f"{path}: id {name!r} comes twice, so its row is not clear")
        seen.add(name)
    return names


def read_rows(path: Path, ids: Sequence[str], array: str = "", id_array: str = "ids") -> TakenRows:
    """Rows [n, D] of the wanted ids.

    path: a BigFile folder or an .npz, of which only the wanted rows are kept; array: the array of the .npz with the
    rows ("": the only one with two dimensions); id_array: the array with their names. Pickled arrays are refused.
    LaffError where the path is neither, sizes differ, or an id is listed twice.
    """
    names = ids_of(path, id_array)
    row_of = {name: row for row, name in enumerate(names)}
    has_row = np.array([name in row_of for name in ids], dtype=bool)
    wanted = [row_of[name] for name in ids if name in row_of]
    if path.is_dir():
        taken = _bigfile(path)[1][wanted]
    else:
        taken = archives.rows(path, _table(path, array, id_array, len(names)), wanted)
    values = np.zeros((len(ids), taken.shape[1]), dtype=np.float32)
    values[has_row] = taken
    return _checked(values, has_row.astype(np.int32))


def read_frames(
    path: Path, ids: Sequence[str], frames: int, array: str = "", id_array: str = "ids", start_array: str = "starts"
) -> TakenRows:
    """Rows of frames [n, T, D] of the wanted ids; `counts` says how many of the T frames an id has.

    path: an .npz with ids [V], starts [V + 1] and an array [starts[V], D]: the frames of id v are the rows starts[v] up
    to starts[v + 1], of which the first `frames` are taken. T is the largest number that an id of the file then has;
    zeros fill up the others. The count of an id is 0 where the file has no frame of it.
    LaffError as in `read_rows`, and for starts that do not rise from 0 to the number of rows.
    """
    if path.is_dir():
        raise LaffError(f"{path}: a BigFile folder holds one row a video; frames come in an .npz with {start_array!r}")
    names, header = ids_of(path, id_array), archives.header(path, start_array, "starts")
    misfit = f"{path}: {start_array!r} is {header}; it should be {len(names) + 1} whole numbers that rise from 0"
    if header.shape != (len(names) + 1,) or header.dtype.kind not in "iu":
        raise LaffError(misfit)
    starts = archives.load(path, start_array).astype(np.int64)
    if starts[0] or (np.diff(starts) < 0).any():
        raise LaffError(misfit)
    table = _table(path, array, id_array, int(starts[-1]), (start_array,))
    lengths = np.minimum(np.diff(starts), frames)
    row_of = {name: row for row, name in enumerate(names)}
    counts = np.array([lengths[row_of[name]] if name in row_of else 0 for name in ids], np.int32)
    firsts = [int(starts[row_of[name]]) if name in row_of else 0 for name in ids]
    wanted = [first + frame for first, count in zip(firsts, counts.tolist(), strict=True) for frame in range(count)]
    taken = archives.rows(path, table, wanted)
    values = np.zeros((len(ids), int(lengths.max(initial=1)), taken.shape[1]), dtype=np.float32)
    values[np.arange(values.shape[1]) < counts[:, None]] = taken
    return _checked(values, counts)


def join(
    paths: Sequence[Path], ids: Sequence[str], id_array: str, read: Callable[[Path, list[str]], TakenRows]
) -> TakenRows:
    """The rows of the wanted ids from several files; `read` reads those of one file.

    LaffError where two files have a row of one id, or the files' widths differ.
    """
    number_of: dict[str, int] = {}
    for number, path in enumerate(paths):
        for name in ids_of(path, id_array):
            if name in number_of:
                raise LaffError(
                    f"id {name!r} has a row in {paths[number_of[name]]} and in {path}, so its row is not clear"
                )
            number_of[name] = number
    parts = [(read(path, [name for name in ids if number_of.get(name) == number])) for number, path in enumerate(paths)]
    for path, part in zip(paths, parts, strict=True):
        if part.values.shape[-1] != parts[0].values.shape[-1]:
            raise LaffError(
                f"{paths[0]} has rows of {parts[0].values.shape[-1]} numbers, {path} of {part.values.shape[-1]}"
            )
    shape = [len(ids), *np.max([part.values.shape[1:] for part in parts], axis=0).tolist()]
    whole = TakenRows(np.zeros(shape, np.float32), np.zeros(len(ids), np.int32), np.zeros(len(ids), np.int32))
    file_of = np.array([number_of.get(name, -1) for name in ids])
    for number, part in enumerate(parts):
        places = np.flatnonzero(file_of == number)
        if part.values.ndim == 3:
            whole.values[places, : part.values.shape[1]] = part.values
        else:
            whole.values[places] = part.values
        whole.counts[places], whole.odd[places] = part.counts, part.odd
    return replace(whole, files=file_of.astype(np.int32))


def width(path: Path, array: str = "", others: Sequence[str] = ("ids", "starts")) -> int:
    """D of the rows that `read_rows` or `read_frames` would give, from headers alone; 0 where these do not say it.

    array: the array of an .npz with the rows ("": the only one with two dimensions, besides `others`).
    """
    try:
        if path.is_dir():
            return int((path / "shape.txt").read_text(encoding="utf-8-sig").split()[1])
        wanted = [array] if array else [name for name in archives.names(path) if name not in others]
        shapes = [archives.header(path, name).shape for name in wanted]
    except (LaffError, OSError, ValueError, IndexError):
        return 0
    tables = [shape for shape in shapes if len(shape) == 2]
    return tables[0][1] if len(tables) == 1 else 0


def _checked(values: np.ndarray, counts: np.ndarray) -> TakenRows:
    """The rows with the values that are not finite counted, and zeros in the place of such rows."""
    axes = tuple(range(1, values.ndim))
    odd = np.count_nonzero(~np.isfinite(values), axis=axes).astype(np.int32)
    values[odd > 0] = 0
    return TakenRows(values, counts, odd)


def _text(path: Path, id_array: str, name: str | bytes | int) -> str:
    """An id as text; LaffError where it is not UTF-8."""
    try:
        return name.decode() if isinstance(name, bytes) else str(name)
    except UnicodeDecodeError:
        raise LaffError(f"{path}: {id_array!r} holds {name!r}, which is not UTF-8") from None


def _bigfile(folder: Path) -> tuple[list[str], np.ndarray]:
    """The ids and rows of a BigFile folder."""
    try:
        names, table = open_bigfile(folder)
    except NotBigFile as error:
        raise LaffError(f"{error}; {kinds.WANTED}") from error
    except ValueError as error:
        raise LaffError(str(error)) from error
    return [decoded(name) for name in names], table  # id.txt holds them between white space


def _table(path: Path, array: str, id_array: str, count: int, others: Sequence[str] = ()) -> str:
    """The name of an .npz's two-dimensional array, which must have `count` rows; it is none of `others`."""
    if not array:
        names = [name for name in archives.names(path) if name not in (id_array, *others)]
        headers = {name: archives.header(path, name) for name in sorted(names)}
        fitting = [name for name, header in headers.items() if len(header.shape) == 2]
        if len(fitting) != 1:
            held = ", ".join(f"{name} {header}" for name, header in headers.items()) or "none"
            if fitting:
                raise LaffError(f"{path}: name the `array` to read, as params.array; beside {id_array} it holds {held}")
            raise LaffError(
                f"{path}: has no array [{count}, D]; beside {id_array} it holds {held}; give each id one row of numbers"
            )
        array = fitting[0]
    header = archives.header(path, array, "array")
    if len(header.shape) != 2 or header.dtype.kind not in "fiu" or header.shape[0] != count:
        raise LaffError(f"{path}: {array!r} is {header}; it should be numbers [{count}, D]")
    return array
