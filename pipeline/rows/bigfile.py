"""Features that others extracted: BigFile folders (feature.bin, id.txt, shape.txt) and .npz archives.

Ids are taken in NFC; those of id.txt may be percent-encoded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from extractors.vectors import NotBigFile, open_bigfile
from pipeline.errors import LaffError
from pipeline.ids import clean, decoded
from pipeline.rows import archives, kinds

MARK = "\ufeff"  # the byte order mark, if a list was read from a file of Windows


@dataclass
class Taken:
    """Rows of the ids that were asked for, in their order."""

    values: np.ndarray  # [n, D] float32; of frames [n, T, D]; zeros where an id has no row
    counts: np.ndarray  # [n] int32: how many rows an id has of its own; 0: none
    odd: np.ndarray  # [n] int32: how many of its values are no finite float32; these rows are zeros too
    files: np.ndarray | None = None  # [n] int32, of `join`: the number of the file that has an id's row; -1: none

    @property
    def sound(self) -> np.ndarray:
        """[n] bool: whether an id has a row, and all of it can be used."""
        return (self.counts > 0) & (self.odd == 0)


def ids_of(path: Path, id_array: str = "ids") -> list[str]:
    """The ids of all rows, in order. Raises LaffError if the path is neither format or an id comes twice."""
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


def read_rows(path: Path, ids: Sequence[str], array: str = "", id_array: str = "ids") -> Taken:
    """Rows [n, D] of the wanted ids.

    path: a BigFile folder or an .npz, of which only the wanted rows are kept; array: which of the .npz ("" if only one
    is two-dimensional); id_array: its names of the rows. Pickled arrays are refused.
    Raises LaffError if the path is neither, sizes disagree, or an id comes twice.
    """
    names = ids_of(path, id_array)
    rows = {name: row for row, name in enumerate(names)}
    found = np.array([name in rows for name in ids], dtype=bool)
    wanted = [rows[name] for name in ids if name in rows]
    if path.is_dir():
        taken = _bigfile(path)[1][wanted]
    else:
        taken = archives.rows(path, _table(path, array, id_array, len(names)), wanted)
    values = np.zeros((len(ids), taken.shape[1]), dtype=np.float32)
    values[found] = taken
    return _checked(values, found.astype(np.int32))


def read_frames(
    path: Path, ids: Sequence[str], frames: int, array: str = "", id_array: str = "ids", start_array: str = "starts"
) -> Taken:
    """Rows of frames [n, T, D] of the wanted ids; `counts` says how many of T are an id's own.

    path: an .npz with ids [V], starts [V + 1] and an array [starts[V], D]: the frames of id v are its rows starts[v]
    up to starts[v + 1], of which the first `frames` are taken. T is the most that any id of the file then has; the
    rest of a row is zeros. An id that the file lacks, or has no frame of, counts 0.
    Raises LaffError as `read_rows` does, and for starts that do not rise from 0 to the number of rows.
    """
    if path.is_dir():
        raise LaffError(f"{path}: a BigFile folder holds one row a video; frames come in an .npz with {start_array!r}")
    names, header = ids_of(path, id_array), archives.header(path, start_array, "starts")
    wrong = f"{path}: {start_array!r} is {header}; it should be {len(names) + 1} whole numbers that rise from 0"
    if header.shape != (len(names) + 1,) or header.dtype.kind not in "iu":
        raise LaffError(wrong)
    starts = archives.load(path, start_array).astype(np.int64)
    if starts[0] or (np.diff(starts) < 0).any():
        raise LaffError(wrong)
    table = _table(path, array, id_array, int(starts[-1]), (start_array,))
    own = np.minimum(np.diff(starts), frames)
    rows = {name: row for row, name in enumerate(names)}
    counts = np.array([own[rows[name]] if name in rows else 0 for name in ids], np.int32)
    firsts = [int(starts[rows[name]]) if name in rows else 0 for name in ids]
    wanted = [first + frame for first, count in zip(firsts, counts.tolist(), strict=True) for frame in range(count)]
    taken = archives.rows(path, table, wanted)
    values = np.zeros((len(ids), int(own.max(initial=1)), taken.shape[1]), dtype=np.float32)
    values[np.arange(values.shape[1]) < counts[:, None]] = taken
    return _checked(values, counts)


def join(paths: Sequence[Path], ids: Sequence[str], id_array: str, read: Callable[[Path, list[str]], Taken]) -> Taken:
    """The rows of the wanted ids out of several files, as `read` takes them out of one.

    LaffError where two files have a row for one id, or rows of other widths.
    """
    where: dict[str, int] = {}
    for number, path in enumerate(paths):
        for name in ids_of(path, id_array):
            if name in where:
                raise LaffError(f"id {name!r} has a row in {paths[where[name]]} and in {path}, so its row is not clear")
            where[name] = number
    parts = [(read(path, [name for name in ids if where.get(name) == number])) for number, path in enumerate(paths)]
    for path, part in zip(paths, parts, strict=True):
        if part.values.shape[-1] != parts[0].values.shape[-1]:
            raise LaffError(
                f"{paths[0]} has rows of {parts[0].values.shape[-1]} numbers, {path} of {part.values.shape[-1]}"
            )
    shape = [len(ids), *np.max([part.values.shape[1:] for part in parts], axis=0).tolist()]
    whole = Taken(np.zeros(shape, np.float32), np.zeros(len(ids), np.int32), np.zeros(len(ids), np.int32))
    of = np.array([where.get(name, -1) for name in ids])
    for number, part in enumerate(parts):
        here = np.flatnonzero(of == number)
        if part.values.ndim == 3:
            whole.values[here, : part.values.shape[1]] = part.values
        else:
            whole.values[here] = part.values
        whole.counts[here], whole.odd[here] = part.counts, part.odd
    return replace(whole, files=of.astype(np.int32))


def width(path: Path, array: str = "", others: Sequence[str] = ("ids", "starts")) -> int:
    """D of the rows that `read_rows` or `read_frames` would find, from headers alone; 0 where they don't tell.

    array: which of an .npz ("": the one that is two-dimensional, beside `others`).
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


def _checked(values: np.ndarray, counts: np.ndarray) -> Taken:
    """With what is not finite counted, and zeros in its place."""
    axes = tuple(range(1, values.ndim))
    odd = np.count_nonzero(~np.isfinite(values), axis=axes).astype(np.int32)
    values[odd > 0] = 0
    return Taken(values, counts, odd)


def _text(path: Path, id_array: str, name: str | bytes | int) -> str:
    try:
        return name.decode() if isinstance(name, bytes) else str(name)
    except UnicodeDecodeError:
        raise LaffError(f"{path}: {id_array!r} holds {name!r}, which is not UTF-8") from None


def _bigfile(folder: Path) -> tuple[list[str], np.ndarray]:
    try:
        names, rows = open_bigfile(folder)
    except NotBigFile as error:
        raise LaffError(f"{error}; {kinds.WANTED}") from error
    except ValueError as error:
        raise LaffError(str(error)) from error
    return [decoded(name) for name in names], rows  # id.txt holds them between white space


def _table(path: Path, array: str, id_array: str, count: int, others: Sequence[str] = ()) -> str:
    """The two-dimensional array of an .npz, which should have `count` rows; `others` names arrays that it is not."""
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
