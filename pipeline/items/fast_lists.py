"""A collection without mistakes, read in bulk: whole lists are checked at once, and nothing is said of what is wrong.

Whoever gets None reads line by line, by `items.collection` and `items.lists`, which tell each mistake, and which take
whatever these checks are too strict for.
"""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.files import text_of
from pipeline.items.lists import NO_TEXT, Captions, Found, caption_rows
from pipeline.items.video_files import NO_VIDEO, chosen_of, links_out

# As in a Collection: ids, captions, files, notes.
Sound = tuple[dict[str, list[str]], dict[str, Captions], dict[str, str], list[str]]
ID = re.compile(r"[A-Za-z0-9_@+=,~-][A-Za-z0-9_@+=,~.-]*")  # ids that every format holds as they are, as most are
ODD = ("//", "/./", "\n./", "/\n", "/.\n", "\n.\n", "\n\n")  # in lines of paths that pathlib would write in another way


def read(raw: dict[str, Any], folder: Path, splits: Sequence[str]) -> Sound | None:
    """What collection.yaml, parsed as `raw` and lying in `folder`, describes; None where anything looks wrong."""
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
        files: dict[str, str] = {}
        notes: list[str] = []
        if "videos" in raw:
            source = folder / raw["videos"]
            follow = raw.get("follow_links", False)
            if not isinstance(follow, bool):
                return None
            found = _from_folder(source, every, follow) if source.is_dir() else _from_table(source, every, follow)
            if found is None:
                return None
            files, notes = found
        return ids, captions, files, notes
    except (OSError, ValueError, csv.Error):
        return None


def _ids(file: Path) -> list[str]:
    return [name for name in map(str.strip, text_of(file).split("\n")) if name]


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


def _from_folder(folder: Path, wanted: list[str], follow: bool) -> tuple[dict[str, str], list[str]] | None:
    """{id: file}, and notes; None unless each id has one file, which no link out of the folder is."""
    names, links = [], set()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_file():
                names.append(entry.name)
            if entry.is_symlink():
                if not entry.is_file() and not entry.is_dir():
                    return None  # a link to nothing
                links.add(entry.name)
    if any(name.endswith(".") for name in names):
        return None  # pathlib sees no ending there
    parts = [name.rpartition(".") for name in names]
    ends = {ending for _, dot, ending in parts if dot and f".{ending}".lower() in NO_VIDEO}
    if ends:
        names = [name for name, part in zip(names, parts, strict=True) if not part[1] or part[2] not in ends]
        parts = [name.rpartition(".") for name in names]
    stems = [stem if dot else name for name, (stem, dot, _) in zip(names, parts, strict=True)]
    known = dict(zip(stems, names, strict=True))
    notes: list[str] = []
    if len(known) < len(stems):
        twice = {stem for stem, count in Counter(stems).items() if count > 1}.intersection(wanted)
        several: dict[str, list[Path]] = {stem: [] for stem in twice}
        for stem, name in zip(stems, names, strict=True):
            if stem in several:
                several[stem].append(folder / name)
        chosen, notes = chosen_of(several)
        if len(chosen) < len(several):
            return None
        known |= {stem: file.name for stem, file in chosen.items()}
    for name in set(wanted).intersection(names):  # ids that name the ending
        if known.setdefault(name, name) != name:
            return None
    if not known.keys() >= set(wanted):
        return None
    prefix = _prefix(folder)
    files = {video: f"{prefix}{known[video]}" for video in wanted}
    if not follow and links and links_out((f"{prefix}{name}" for name in links.intersection(known.values())), folder):
        return None
    return files, notes


def _from_table(table: Path, wanted: list[str], follow: bool) -> tuple[dict[str, str], list[str]] | None:
    """{id: file} of the wanted, and no notes; None unless each has a row, and each row a file."""
    rows = csv.reader(io.StringIO(text_of(table)), strict=True)
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
    links = _links(paths)
    if links is None or not _are_ids(videos):
        return None
    known = dict(zip(videos, paths, strict=True))
    if not known.keys() >= set(wanted):
        return None
    files = {video: known[video] for video in wanted}
    if not follow and links_out(files.values(), table.parent, links.__contains__):
        return None
    return files, []


def _prefix(folder: Path) -> str:
    return str(folder / "x")[:-1]


def _links(paths: list[str]) -> set[str] | None:
    """Those that are links; None where one is not there.

    Their folders are listed, which takes a tenth of the time of asking for each file.
    """
    listed: dict[str, dict[str, bool]] = {}  # folder -> file -> whether it is a link
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder not in listed:
            with os.scandir(folder or ("/" if path.startswith("/") else ".")) as entries:
                listed[folder] = {entry.name: entry.is_symlink() for entry in entries if entry.is_file()}
        if name not in listed[folder]:
            return None
    return {path for path in paths if listed[path.rpartition("/")[0]][path.rpartition("/")[2]]}
