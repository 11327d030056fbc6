"""A BigFile, as the LAFF authors write it: a folder of feature.bin (float32), id.txt and shape.txt.

Float16 becomes float32, exactly. A row of a frame is called VIDEO_NUMBER, from 0 on.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline import files
from pipeline.errors import LaffError
from pipeline.exporting.id_lists import written
from pipeline.exporting.table import Table
from pipeline.rows import frame_ids

FLOAT32 = np.dtype("<f4")


def write(table: Table, folder: Path, name: str) -> list[str]:
    """Write the folder NAME; returns its files, relative to `folder`."""
    _check_frames(table)
    table.cast(FLOAT32)
    place = folder / name
    place.mkdir(parents=True)
    with (place / "feature.bin").open("wb") as file:
        for block in table.blocks():
            file.write(np.ascontiguousarray(block).data)
    with (place / "id.txt").open("w", encoding="utf-8") as ids:
        for number, word in enumerate(_words(table)):
            ids.write(f" {word}" if number else word)
    files.write_text(place / "shape.txt", f"{table.count} {table.width}")
    return [f"{name}/{file}" for file in ("feature.bin", "id.txt", "shape.txt")]


def _check_frames(table: Table) -> None:
    """Raise LaffError where a frame's row would be read as one of another video, as of the video `clip_frame`."""
    wrong = [id_ for id_ in table.ids if frame_ids.parse(f"{id_}_0") != (id_, 0)] if table.frames else []
    if wrong:
        raise LaffError(
            f"{table.name}: a BigFile cannot tell which rows are frames of {wrong[0]!r}, since {wrong[0]}_0 reads as a "
            f"frame of {(frame_ids.parse(f'{wrong[0]}_0') or ('',))[0]!r} ({len(wrong)} such ids); other formats can"
        )


def _words(table: Table) -> Iterator[str]:
    """The ids of all rows, as id.txt has them."""
    for id_, length in zip(table.ids, np.diff(table.starts).tolist(), strict=True):
        word = written(id_, table.side)
        if table.frames:
            yield from (f"{word}_{number}" for number in range(length))
        else:
            yield word
