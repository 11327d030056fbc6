"""Rows in files of their own, which a CSV lists: `video_path,feature_path`.

Each feature is an .npy, [D] or of frames [T, D]. A video's id is its path below the folder that all of them share,
without the ending; a column `id` says it instead.
Paths of features are relative to the CSV.
"""

import csv
import io
import os
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.errors import LaffError, Problems
from pipeline.files import text_of
from pipeline.ids import clean
from pipeline.rows import npy
from pipeline.rows.items import Items, Layout, Parts, rows_by_item

HEADER = "video_path,feature_path"
SHOWN = 20  # problems that an error lists


class FeatureList:
    """The rows of the files that a CSV lists; a line whose file is missing counts as an id without a row."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path, self.layout = path, layout

    @cached_property
    def items(self) -> Items:
        """The ids whose files are there, and where the frames of each begin. LaffError where none is."""
        if not self.layout.frames:
            return Items([id_ for id_, _ in self._files])
        lengths = [self._shape(file)[0] for _, file in self._files]
        return Items([id_ for id_, _ in self._files], np.cumsum([0, *lengths]).astype(np.int64))

    def rows(self, wanted: list[int]) -> np.ndarray:
        """These rows, [n, D] float32; only their files are read."""

        def read(item: int, count: int) -> np.ndarray:
            file = self._files[item][1]
            return npy.mapped(file).reshape(self._shape(file))[:count]

        values = rows_by_item(self.path, self.items, wanted, read)
        return np.zeros((0, self.width()), np.float32) if values is None else values

    def width(self) -> int:
        """D, from the header of the first feature."""
        return self._shape(self._files[0][1])[1]

    def parts(self) -> Parts:
        """One table, in many files; its rows are frames where the first file has several rows."""
        shape = npy.header_of(self._files[0][1])[0].shape
        return Parts({"": shape[-1] if shape else 0}, [], frames=len(shape) == 2 and shape[0] != 1)

    @cached_property
    def _files(self) -> list[tuple[str, Path]]:
        """Each id with its file, as far as there are files."""
        listed = read(self.path)
        there = [(id_, file) for id_, file in listed if file.is_file()]
        if not there:
            raise LaffError(
                f"{self.path}: none of its {len(listed)} features is a file, such as {listed[0][1]}; "
                "feature_path is relative to the CSV, or absolute"
            )
        return there

    def _shape(self, file: Path) -> tuple[int, int]:
        """The shape of a feature's table, [1, D] or of frames [T, D], by its header."""
        header, _ = npy.header_of(file)
        shape = header.shape
        if header.dtype.kind in "fiu":
            if self.layout.frames and len(shape) == 2:
                return shape[0], shape[1]
            if not self.layout.frames and shape and np.prod(shape) == shape[-1]:
                return 1, shape[-1]
        wanted = "[T, D] at level frame" if self.layout.frames else "[D]; `level: frame` reads [T, D]"
        raise LaffError(f"{file}: is {header}; it should be numbers {wanted}")


def read(path: Path) -> list[tuple[str, Path]]:
    """Each id of a list with the path of its feature. LaffError names each line that is wrong."""
    try:
        lines = csv.reader(io.StringIO(text_of(path)))
        header = [name.strip() for name in next(lines, [])]
        cells = [(lines.line_num, [cell.strip() for cell in line]) for line in lines if line]
    except (OSError, UnicodeError, csv.Error) as error:
        raise LaffError(f"{path}: cannot be read: {error}") from error
    if "feature_path" not in header or not {"id", "video_path"}.intersection(header):
        raise LaffError(f"{path}: its header is {','.join(header)!r}; it should be {HEADER}, or id,feature_path")
    named = "id" if "id" in header else "video_path"
    name_at, file_at = header.index(named), header.index("feature_path")
    problems = Problems()
    for number, line in cells:
        if len(line) != len(header) or not line[name_at] or not line[file_at]:
            problems.add(f"should be {','.join(header)}, not {','.join(line)[:80]!r}", path, number)
    if not cells:
        problems.add("lists no feature", path)
    if problems:
        raise problems.error(path, SHOWN)
    names = [line[name_at] for _, line in cells]
    ids = names if named == "id" else _below(path, names)
    return [(clean(id_), path.parent / line[file_at]) for id_, (_, line) in zip(ids, cells, strict=True)]


def _below(path: Path, videos: list[str]) -> list[str]:
    """The paths of videos below the folder that all share, without endings."""
    names = [os.path.normpath(video) for video in videos]
    if len({name.startswith("/") for name in names}) > 1:
        raise LaffError(f"{path}: some paths of videos are absolute and some relative; write all in one way")
    folders = {os.path.dirname(name) for name in names}  # noqa: PTH120 (there may be a million)
    common = os.path.commonpath(folders) if "" not in folders else ""
    return [os.path.splitext(os.path.relpath(name, common) if common else name)[0] for name in names]  # noqa: PTH122
