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
    paths: dict[str, str] = field(default_factory=dict)  # video or part of one -> its file, below the folder
    missing: list[str] = field(default_factory=list)  # videos without one
    several: list[str] = field(default_factory=list)  # videos whose name several files have, in different subfolders
    direct: bool = True  # whether each file that is there is named by the id, so that the folder alone says all


def find_files(
    folder: Path,
    videos: Iterable[str],
    further: Mapping[str, tuple[str, ...]],
    part_of: Mapping[str, str] | None = None,
) -> Files:
    """Look for the files of `videos` in a folder and its subfolders.

    Args:
        folder: The folder.
        videos: Ids of videos, or of parts of them.
        further: {id: other names of its file, without the ending}.
        part_of: {id of a part: its video}; what is missing or there several times is listed by its video, once.
    """
    whose, missing, several = part_of or {}, dict[str, None](), dict[str, None]()
    whole: dict[str, str] = {}  # path below the folder, with its ending and without -> the file
    named: dict[str, list[str]] = {}  # its last part alone -> the files
    for path in _walk(folder):
        stem, ending = stem_and_ending(path)
        if ending in NO_VIDEO:
            continue
        for name in {ids.clean(stem), ids.clean(path)}:
            if name not in whole or (ending in VIDEO and not _is_video(whole[name])):
                whole[name] = path
            named.setdefault(name.rpartition("/")[2], []).append(path)
    files = Files(folder)
    for video in videos:
        if video in whole:
            files.paths[video] = whole[video]
        elif others := next((named[name] for name in (video, *further.get(video, ())) if name in named), None):
            clear = [path for path in others if _is_video(path)] or others
            files.paths[video], files.direct = clear[0], False
            if len(clear) > 1:
                several[whose.get(video, video)] = None
        else:
            missing[whose.get(video, video)] = None
    files.missing, files.several = list(missing), list(several)
    return files


def _is_video(path: str) -> bool:
    """Whether the ending is that of a video."""
    return stem_and_ending(path)[1] in VIDEO


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
