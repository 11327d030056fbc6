"""Rows in a BigFile, the folder of the LAFF authors: feature.bin (float32), id.txt, shape.txt.

id.txt may be percent-encoded. Of frames, an id is such as `VIDEO_NUMBER`: the frames of a video are its rows, by
number.
"""

from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from extractors.vectors import NotBigFile, open_bigfile
from pipeline.errors import LaffError, Problems
from pipeline.ids import decoded
from pipeline.rows import frame_ids, kinds
from pipeline.rows.items import Items, Layout, Parts

SHOWN = 5  # ids in a message


class BigFile:
    """The rows of a BigFile, of which only those that are wanted are read."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path, self.layout = path, layout

    @cached_property
    def items(self) -> Items:
        """The ids; of frames those of videos. LaffError where the folder is no BigFile, or a row is no frame."""
        names = self._content[0]
        return frames(self.path, names) if self.layout.frames else Items(names)

    def rows(self, wanted: list[int]) -> np.ndarray:
        """These rows of the table, [n, D] float32."""
        values: np.ndarray = self._content[1][np.asarray(wanted, np.int64)]
        return np.asarray(values, np.float32)

    def width(self) -> int:
        """D, as shape.txt says it."""
        return int((self.path / "shape.txt").read_text(encoding="utf-8-sig").split()[1])

    def parts(self) -> Parts:
        """One table; whether its rows are frames, only their ids tell."""
        return Parts({"": self.width()}, [], frames=False)

    @cached_property
    def _content(self) -> tuple[list[str], np.ndarray]:
        try:
            names, table = open_bigfile(self.path)
        except NotBigFile as error:
            raise LaffError(f"{error}; {kinds.WANTED}") from error
        except ValueError as error:
            raise LaffError(str(error)) from error
        return [decoded(name) for name in names], table  # id.txt holds them between white space


def frames(path: Path, names: list[str]) -> Items:
    """The videos of rows named as frames, in the order of their first rows, each with its frames by number.

    Numbers may begin anywhere and leave some out. LaffError where a name is no such, or a number comes twice.
    """
    rows_of: dict[str, list[tuple[int, int]]] = {}
    problems = Problems()
    for row, name in enumerate(names):
        if named := frame_ids.parse(name):
            rows_of.setdefault(named[0], []).append((named[1], row))
        else:
            problems.add(f"id {name!r} is no frame; a row of a frame is called {frame_ids.FORMS}, such as video7_12")
    for video, numbered in rows_of.items():
        numbered.sort()
        for (number, _), (following, _) in pairwise(numbered):
            if number == following:
                problems.add(f"frame {number} of {video!r} comes twice, so its row is not clear")
    if problems:
        raise problems.error(path / "id.txt", SHOWN, "where each row is a video, leave out `level: frame`")
    lengths = [len(numbered) for numbered in rows_of.values()]
    starts = np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.int64)
    order = np.array([row for numbered in rows_of.values() for _, row in numbered], np.int64)
    return Items(list(rows_of), starts, order)
