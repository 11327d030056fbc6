"""Reads a collection that is only a folder of videos, in bulk.

`laff index` makes such collections, and each search reads them. If anything is unusual, the result is None. Then
`items.collection` reads file by file: it reports each mistake, and it accepts unusual but valid folders too.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import Problems
from pipeline.items.fast_lists import Sound
from pipeline.items.lists import Captions, named_file
from pipeline.items.splits import SPLITS
from pipeline.items.video_files import BESIDE, MAY_MOVE, NO_VIDEO, PICTURE, VIDEO, prefix_of

VIDEOS = frozenset(VIDEO) | {".gif"}  # endings of videos; no look at the content is needed
OTHERS = (frozenset(BESIDE) | NO_VIDEO | PICTURE).difference(VIDEOS, MAY_MOVE)  # endings of files that are no videos


class _Unusual(Exception):
    """There is something that takes a closer look."""


def read(raw: dict[str, Any], path: Path) -> Sound | None:
    """What the collection.yaml at `path`, parsed as `raw`, describes; None where it is no folder alone, or unusual."""
    if "videos" not in raw or not raw.keys() <= {"name", "protocol", "videos", "follow_links"}:
        return None
    folder = named_file(raw, "videos", path, "", Problems())
    if folder is None or not folder.is_dir() or not isinstance(raw.get("follow_links", False), bool):
        return None
    try:
        files = _files(folder)
    except (OSError, _Unusual):
        return None
    if not files:
        return None
    ids = {split: list(files) if split == "test" else [] for split in SPLITS}
    return Sound(ids, {split: Captions() for split in SPLITS}, files, [])


def _files(folder: Path) -> dict[str, str]:
    """{id: file} of all videos, by id."""
    files: dict[str, str] = {}
    prefix, count = prefix_of(folder), 0
    for name in _walk(prefix):
        stem, dot, ending = name.rpartition(".")
        kind = f".{ending.lower()}"
        if kind in VIDEOS and not stem.endswith("/"):
            files[stem] = f"{prefix}{name}"
            count += 1
        elif kind not in OTHERS or not dot:
            raise _Unusual
    text = "\n".join(files)
    # Ids of other letters, with white space at their ends or apart by case only are looked at one by one.
    lines = f"\n{text}\n"
    plain = text.isascii() and text.replace("\n", "").isprintable() and " \n" not in lines and "\n " not in lines
    if not plain or len(files) < count:
        raise _Unusual
    if text != text.lower() and len(set(text.lower().split("\n"))) < count:
        raise _Unusual
    return {id_: files[id_] for id_ in sorted(files)}


def _walk(prefix: str) -> Iterator[str]:
    """Names of the files below a folder, hidden ones aside; _Unusual for links and for what is no file or folder."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(f"{prefix}{below}" or ".") as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink():
                    raise _Unusual
                if entry.is_dir():
                    waiting.append(f"{below}{entry.name}/")
                elif entry.is_file():
                    yield f"{below}{entry.name}"
                else:
                    raise _Unusual
