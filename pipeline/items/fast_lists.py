"""A collection without mistakes, read in bulk: whole lists are checked at once, and nothing is said of what is wrong.

Whoever gets None reads line by line, by `items.collection` and `items.lists`, which tell each mistake, and which take
whatever these checks are too strict for.
"""

import csv
import io
import os
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from pipeline.items.lists import ID, NO_TEXT, Captions, Found, caption_rows

Sound = tuple[dict[str, list[str]], dict[str, Captions], dict[str, str]]  # as in a Collection: ids, captions, files
ODD = ("//", "/./", "\n./", "/\n", "/.\n", "\n.\n", "\n\n")  # in lines of paths that pathlib would write in another way


def read(raw: dict[str, Any], folder: Path, splits: Sequence[str], no_video: Collection[str]) -> Sound | None:
    """What collection.yaml, parsed as `raw` and lying in `folder`, describes; None where anything looks wrong.

    Files with an ending of `no_video` are no videos.
    """
    entries: list[Any] = [raw.get(split) for split in splits]
    if not all(isinstance(entry, dict) and set(entry) == {"ids", "captions"} for entry in entries):
        return None
    named = [entry[key] for entry in entries for key in ("ids", "captions")]
    named += [raw["videos"]] if "videos" in raw else []
    if not all(isinstance(name, str) and name and (folder / name).exists() for name in named):
        return None
    try:
        ids = {split: _ids(folder / entry["ids"]) for split, entry in zip(splits, entries, strict=True)}
        every = [video for split in splits for video in ids[split]]
        if not all(ids.values()) or not _are_ids(every):
            return None
        captions = _captions({split: folder / raw[split]["captions"] for split in splits}, ids)
        if captions is None:
            return None
        files: dict[str, str] | None = {}
        if "videos" in raw:
            source = folder / raw["videos"]
            files = _from_folder(source, every, no_video) if source.is_dir() else _from_table(source, every)
        return None if files is None else (ids, captions, files)
    except (OSError, ValueError, csv.Error):
        return None


def _ids(file: Path) -> list[str]:
    return [name for name in map(str.strip, file.read_text(encoding="utf-8-sig").split("\n")) if name]


def _are_ids(names: list[str]) -> bool:
    """Whether all are good ids, none of them twice."""
    return len(set(names)) == len(names) and all(map(ID.fullmatch, names)) and ".." not in "\n".join(names)


def _captions(sources: dict[str, Path], ids: dict[str, list[str]]) -> dict[str, Captions] | None:
    found: dict[str, Captions] = {}
    for file in dict.fromkeys(sources.values()):
        splits = [split for split in sources if sources[split] == file]
        own = {video: (split, video) for split in splits for video in ids[split]}
        columns = {split: Captions() for split in splits}
        mistakes = Found()
        for _, id_, video, text in caption_rows(file, mistakes):
            if video not in own:
                return None
            split, video = own[video]  # the same string for all captions of a video: memory
            column = columns[split]
            column.ids.append(id_)
            column.videos.append(video)
            column.texts.append(" ".join(text.split()))
        names = [id_ for column in columns.values() for id_ in column.ids]
        described = {video for column in columns.values() for video in column.videos}
        if mistakes.lines or len(set(names)) < len(names) or len(described) < len(own):
            return None
        for column in columns.values():
            if not all(column.texts) or NO_TEXT.search("\n".join(column.texts)):
                return None
        found |= columns
    return {split: found[split] for split in sources}


def _from_folder(folder: Path, wanted: list[str], no_video: Collection[str]) -> dict[str, str] | None:
    """{id: file}; None unless each id has one."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_file() and not entry.name.startswith(".")]
    if any(name.endswith(".") for name in names):
        return None  # pathlib sees no ending there
    parts = [name.rpartition(".") for name in names]
    ends = {ending for _, dot, ending in parts if dot and f".{ending}".lower() in no_video}
    if ends:
        names = [name for name, part in zip(names, parts, strict=True) if not part[1] or part[2] not in ends]
        parts = [name.rpartition(".") for name in names]
    stems = [stem if dot else name for name, (stem, dot, _) in zip(names, parts, strict=True)]
    known = dict(zip(stems, names, strict=True))
    twice = {stem for stem, count in Counter(stems).items() if count > 1} if len(known) < len(stems) else set()
    for name in set(wanted).intersection(names):  # ids that name the ending
        if known.setdefault(name, name) != name:
            return None
    if not known.keys() >= set(wanted) or twice.intersection(wanted):
        return None
    prefix = _prefix(folder)
    return {video: f"{prefix}{known[video]}" for video in wanted}


def _from_table(table: Path, wanted: list[str]) -> dict[str, str] | None:
    """{id: file} of the wanted; None unless each has a row, and each row a file."""
    rows = csv.reader(io.StringIO(table.read_text(encoding="utf-8-sig")), strict=True)
    if [cell.strip() for cell in next(rows, [])] != ["video", "path"]:
        return None
    videos, paths = [], []
    for row in rows:
        if row:
            video, path = row  # a ValueError where there are not two
            videos.append(video.strip())
            paths.append(path.strip())
    together = "\n".join(["", *paths, ""])
    if any(odd in together for odd in ODD):
        paths = [str(table.parent / path) for path in paths]
    else:
        prefix = _prefix(table.parent)
        paths = [path if path.startswith("/") else f"{prefix}{path}" for path in paths]
    if not _are_ids(videos) or not _are_files(paths):
        return None
    known = dict(zip(videos, paths, strict=True))
    return {video: known[video] for video in wanted} if known.keys() >= set(wanted) else None


def _prefix(folder: Path) -> str:
    return str(folder / "x")[:-1]


def _are_files(paths: list[str]) -> bool:
    """Whether all are there. Their folders are listed, which takes a tenth of the time of asking for each file."""
    listed: dict[str, set[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder not in listed:
            with os.scandir(folder or ("/" if path.startswith("/") else ".")) as entries:
                listed[folder] = {entry.name for entry in entries if entry.is_file()}
        if name not in listed[folder]:
            return False
    return True
