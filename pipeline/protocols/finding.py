"""The files of a data set's videos: found in a folder by id, by base name, or by the names that the data set knows."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import ids
from pipeline.items.video_files import NO_VIDEO, VIDEO, stem_and_ending


@dataclass
class Files:
    """Which file each video has."""

    folder: Path
    paths: dict[str, str] = field(default_factory=dict)  # video -> its file, below the folder
    missing: list[str] = field(default_factory=list)  # videos without one
    direct: bool = True  # whether each file that is there is named by the id, so that the folder alone says all


def found(folder: Path, videos: Iterable[str], further: Mapping[str, tuple[str, ...]]) -> Files:
    """Look for the files of `videos` in a folder and its subfolders; `further` has other names of a video's file."""
    named: dict[str, str] = {}  # path without ending, and base name without ending -> path; '' for several
    whole: dict[str, str] = {}
    for path in _walk(folder):
        stem, ending = stem_and_ending(path)
        if ending in NO_VIDEO:
            continue
        for name in {ids.clean(stem), ids.clean(path)}:
            whole[name] = path if name not in whole or ending in VIDEO else whole[name]
            base = name.rpartition("/")[2]
            named[base] = path if named.get(base, path) == path or ending in VIDEO else named[base]
    files = Files(folder)
    for video in videos:
        if video in whole:
            files.paths[video] = whole[video]
        elif other := next((named[name] for name in (video, *further.get(video, ())) if name in named), ""):
            files.paths[video], files.direct = other, False
        else:
            files.missing.append(video)
    return files


def _walk(folder: Path) -> Iterable[str]:
    """Paths of all files below a folder, without hidden ones; links to folders are followed, each folder once."""
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        prefix = Path(root).relative_to(folder).as_posix()
        for name in sorted(names):
            if not name.startswith("."):
                yield name if prefix == "." else f"{prefix}/{name}"
