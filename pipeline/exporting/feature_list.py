"""NAME.csv, which lists an .npy for each item in the folder NAME: [D], or of frames [T, D].

The column `id` says what the row is of; `video_path` is the path of the video, as far as the collection has one.
"""

import csv
import hashlib
from pathlib import Path
from urllib.parse import quote

import numpy as np

from pipeline.exporting.table import Table

LONGEST = 200  # bytes of a file's name


def write(table: Table, folder: Path, name: str) -> list[str]:
    """Write the list of a feature, and the folder with its files; returns the list and the folder."""
    (folder / name).mkdir()
    taken: set[str] = set()
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        is_video = table.side == "video"
        lines.writerow(["video_path", "feature_path", "id"] if is_video else ["feature_path", "id"])
        for (id_, values), video in zip(table.items(), table.paths, strict=True):
            own = file_name(id_)
            if own.casefold() in taken:  # file systems that know no upper and lower case have one file for both
                own = f"{digest(id_)}.npy"
            taken.add(own.casefold())
            path = f"{name}/{own}"
            np.save(folder / path, np.ascontiguousarray(values), allow_pickle=False)
            lines.writerow([video or id_, path, id_] if is_video else [path, id_])
    return [f"{name}.csv", f"{name}/"]


def file_name(id_: str) -> str:
    """A file's name for an id: percent-encoded; of a long one a digest."""
    stem = quote(id_, safe=" @+=,~#")
    return f"{stem if len(stem) <= LONGEST else digest(id_)}.npy"


def digest(id_: str) -> str:
    """The sha256 of an id."""
    return hashlib.sha256(id_.encode()).hexdigest()
