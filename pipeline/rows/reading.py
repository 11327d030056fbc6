"""Reads features that others extracted, in any of the formats of `sources`: the rows of the ids that are asked for.

Ids are brought to NFC.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.errors import LaffError
from pipeline.rows.items import Items, Layout
from pipeline.rows.sources import source


@dataclass
class TakenRows:
    """The rows of the ids that were asked for, in their order."""

    values: np.ndarray  # [n, D] float32; of frames [n, T, D]; zeros where an id has no row
    counts: np.ndarray  # [n] int32: how many rows an id has; 0: none
    odd: np.ndarray  # [n] int32: how many values of an id are no finite float32; its row is zeros then
    files: np.ndarray | None = None  # [n] int32, of several files: the number of the file with an id's row; -1: none

    @property
    def sound(self) -> np.ndarray:
        """[n] bool: whether an id has a row and all its values are finite."""
        sound: np.ndarray = (self.counts > 0) & (self.odd == 0)
        return sound


class Reader:
    """The rows of one file or folder, by id; what it holds is looked up once, and any number of rows taken then."""

    def __init__(self, path: Path, layout: Layout, frames: int = 0) -> None:
        """Look up the ids.

        frames: at level frame, the first frames of a video to take, at most.
        LaffError where the path is in no known format, damaged, or lists an id twice.
        """
        self._source, self._frames = source(path, layout), frames
        self.items: Items = self._source.items
        self._place_of: dict[str, int] = {}
        for place, id_ in enumerate(self.items.ids):
            if self._place_of.setdefault(id_, place) != place:
                raise LaffError(f"{path}: id {id_!r} comes twice, so its row is not clear")

    @property
    def ids(self) -> list[str]:
        """The ids of all rows, or of frames of all videos, in the file's order."""
        return self.items.ids

    def take(self, ids: Sequence[str]) -> TakenRows:
        """The rows of these ids: [n, D], or of frames [n, T, D], where T is the most that a video of the file has."""
        places = [self._place_of.get(id_, -1) for id_ in ids]
        return self._taken_rows(places) if self.items.starts is None else self._taken_frames(places, self.items.starts)

    def _taken_rows(self, places: list[int]) -> TakenRows:
        has_row = np.array(places, np.int64) >= 0
        taken = self._rows([place for place in places if place >= 0])
        if has_row.all():
            return _checked(taken, has_row.astype(np.int32))
        values = np.zeros((len(places), taken.shape[1]), dtype=np.float32)
        values[has_row] = taken
        return _checked(values, has_row.astype(np.int32))

    def _taken_frames(self, places: list[int], starts: np.ndarray) -> TakenRows:
        lengths = np.minimum(np.diff(starts), self._frames)
        counts = np.array([lengths[place] if place >= 0 else 0 for place in places], np.int32)
        firsts = [int(starts[place]) if place >= 0 else 0 for place in places]
        wanted = [first + frame for first, count in zip(firsts, counts.tolist(), strict=True) for frame in range(count)]
        taken = self._rows(wanted)
        values = np.zeros((len(places), int(lengths.max(initial=1)), taken.shape[1]), dtype=np.float32)
        values[np.arange(values.shape[1]) < counts[:, None]] = taken
        return _checked(values, counts)

    def _rows(self, wanted: list[int]) -> np.ndarray:
        order = self.items.order
        return self._source.rows(wanted if order is None else order[wanted].tolist())


class Readers:
    """The rows of several files, of which each id is in one, as those of one."""

    def __init__(self, paths: Sequence[Path], layout: Layout, frames: int = 0, prefixes: Sequence[str] = ()) -> None:
        """Look up the ids; LaffError as of `Reader`, and where two files have a row of one id.

        prefixes: what comes before the ids of each file; (): nothing.
        """
        self._paths, self._readers = paths, [Reader(path, layout, frames) for path in paths]
        self._prefixes = prefixes or [""] * len(paths)
        self._number_of: dict[str, int] = {}
        for number, (reader, prefix) in enumerate(zip(self._readers, self._prefixes, strict=True)):
            for id_ in (f"{prefix}{id_}" for id_ in reader.ids) if prefix else reader.ids:
                if (other := self._number_of.setdefault(id_, number)) != number:
                    raise LaffError(
                        f"id {id_!r} has a row in {paths[other]} and in {paths[number]}, so its row is not clear"
                    )

    @property
    def ids(self) -> list[str]:
        """The ids of all rows, file by file."""
        return list(self._number_of)

    def take(self, ids: Sequence[str]) -> TakenRows:
        """The rows of these ids, in their order; `files` says which file each is from.

        LaffError where the files have rows of different widths.
        """
        file_of = np.array([self._number_of.get(id_, -1) for id_ in ids], np.int32)
        parts = [
            reader.take([id_[len(prefix) :] for id_, file in zip(ids, file_of.tolist(), strict=True) if file == number])
            for number, (reader, prefix) in enumerate(zip(self._readers, self._prefixes, strict=True))
        ]
        if len(parts) == 1 and not (file_of < 0).any():
            return replace(parts[0], files=file_of)
        widths = [part.values.shape[-1] for part in parts]
        for path, width_ in zip(self._paths, widths, strict=True):
            if width_ != widths[0]:
                raise LaffError(f"{self._paths[0]} has rows of {widths[0]} numbers, {path} of {width_}")
        shape = [len(ids), *np.max([part.values.shape[1:] for part in parts], axis=0).tolist()]
        whole = TakenRows(np.zeros(shape, np.float32), np.zeros(len(ids), np.int32), np.zeros(len(ids), np.int32))
        for number, part in enumerate(parts):
            places = np.flatnonzero(file_of == number)
            if part.values.ndim == 3:
                whole.values[places, : part.values.shape[1]] = part.values
            else:
                whole.values[places] = part.values
            whole.counts[places], whole.odd[places] = part.counts, part.odd
        return replace(whole, files=file_of)


def ids_of(path: Path, id_array: str = "ids") -> list[str]:
    """The ids of all rows, in order. LaffError where the path is in no known format or an id is listed twice."""
    return Reader(path, Layout(ids=id_array)).ids


def read_rows(path: Path, ids: Sequence[str], array: str = "", id_array: str = "ids") -> TakenRows:
    """Rows [n, D] of the wanted ids; the others don't stay in memory.

    array: what the file calls its rows ("": the only part that can be they); id_array: what it calls their names.
    Pickled arrays are refused. LaffError where the path is in no known format, sizes differ, or an id is listed twice.
    """
    return Reader(path, Layout(array, id_array)).take(ids)


def read_frames(
    path: Path, ids: Sequence[str], frames: int, array: str = "", id_array: str = "ids", start_array: str = "starts"
) -> TakenRows:
    """Rows of frames [n, T, D] of the wanted ids; `counts` says how many of the T frames an id has.

    The first `frames` of an id are taken. T is the largest number that an id of the file then has; zeros fill up the
    others. The count of an id is 0 where the file has no frame of it. LaffError as in `read_rows`, and where the file
    does not say which rows are of which video.
    """
    return Reader(path, Layout(array, id_array, start_array, frames=True), frames).take(ids)


def width(path: Path, array: str = "", others: tuple[str, str] = ("ids", "starts"), level: str = "video") -> int:
    """D of the rows that `read_rows` or `read_frames` would give, from headers alone; 0 where these do not say it.

    array: what the file calls its rows ("": the only part that can be they); others: what it calls ids and starts.
    """
    try:
        return source(path, Layout(array, others[0], others[1], frames=level == "frame")).width()
    except (LaffError, OSError, ValueError, IndexError):
        return 0


def _checked(values: np.ndarray, counts: np.ndarray) -> TakenRows:
    """The rows with the values that are not finite counted, and zeros in the place of such rows."""
    axes = tuple(range(1, values.ndim))
    odd = np.count_nonzero(~np.isfinite(values), axis=axes).astype(np.int32)
    values[odd > 0] = 0
    return TakenRows(values, counts, odd)
