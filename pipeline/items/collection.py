"""A collection: videos, captions and splits as collection.yaml describes them, checked before any work."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import yamls
from pipeline.errors import LaffError, did_you_mean, printable, problems
from pipeline.items import fast_lists
from pipeline.items.lists import Caption, Captions, Found, bad_id, csv_rows, read_captions, text_lines
from pipeline.items.video_files import NO_VIDEO, VIDEO, chosen_of, links_out, some

SPLITS = ("train", "val", "test")
SHOWN = 1000  # problems printed one by one; the rest is counted
GUESSED = 40  # of them with a did-you-mean, which takes long
KEYS = ("name", "videos", "follow_links", *SPLITS)


@dataclass
class Collection:
    """What collection.yaml says, read and checked."""

    name: str
    path: Path
    # Video id -> file, which may not be there; empty where features are imported.
    files: dict[str, str] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)  # split -> video ids
    captions: dict[str, Captions] = field(default_factory=dict)  # split -> captions
    notes: list[str] = field(default_factory=list)  # what is no mistake, but to be told once, a line each

    @property
    def has_videos(self) -> bool:
        """Whether there are raw videos; a collection may start from imported features."""
        return bool(self.files)


def load(path: Path) -> Collection:
    """Read a collection.yaml and everything it names; one LaffError lists every mistake with its file and line."""
    raw = yamls.load(path)
    if not isinstance(raw, dict):
        raise LaffError(f"{path}: should be a mapping with name, videos, train, val, test")
    found = Found()
    for key in raw:
        if key not in KEYS:
            found.add(path, 0, f"unknown key '{key}'{did_you_mean(str(key), KEYS)}")
    collection = Collection(str(raw.get("name") or path.resolve().parent.name), path)
    # Mistakes are rare, and a million lines are many: only where something is off, each line is looked at.
    if not found.lines and (sound := fast_lists.read(raw, path.parent, SPLITS)):
        collection.ids, collection.captions, collection.files, collection.notes = sound
        return collection
    lines = _read_splits(raw, collection, found)
    if "videos" in raw:
        _find_videos(raw, collection, lines, found)
    if found.lines:
        more = len(found.lines) - SHOWN
        shown = found.lines[:SHOWN] + ([f"… and {more} more of these"] if more > 0 else [])
        error = problems(str(path), shown)
        raise LaffError(str(error).replace(f"{len(shown)} problem(s)", f"{len(found.lines)} problem(s)", 1))
    return collection


def _file(value: Any, path: Path, what: str, found: Found) -> Path | None:
    """The path that `value` names, relative to collection.yaml; None, with the mistake noted, where there is none."""
    if not isinstance(value, str) or not value:
        found.add(path, 0, f"{what}: should name a file, not {value!r}")
        return None
    file = path.parent / value
    if not file.exists():
        found.add(path, 0, f"{what}: no such file: {file}")
        return None
    return file


def _read_splits(raw: dict[str, Any], collection: Collection, found: Found) -> dict[str, tuple[Path, int]]:
    path = collection.path
    lines: dict[str, tuple[Path, int]] = {}  # video id -> where it is listed
    caption_files: dict[str, Path] = {}
    for split in SPLITS:
        entry = raw.get(split)
        collection.ids[split], collection.captions[split] = [], Captions()
        if not isinstance(entry, dict):
            found.add(path, 0, f"{split}: should be {{ids: FILE, captions: FILE}}, not {entry!r}")
            continue
        for key in entry:
            if key not in ("ids", "captions"):
                found.add(path, 0, f"{split}: unknown key '{key}'{did_you_mean(str(key), ('ids', 'captions'))}")
        ids = _file(entry.get("ids"), path, f"{split}.ids", found)
        captions = _file(entry.get("captions"), path, f"{split}.captions", found)
        if ids:
            collection.ids[split] = _read_ids(ids, split, lines, found)
        if captions:
            caption_files[split] = captions
    # One file may serve several splits, so every split's ids are known before a caption is called homeless.
    parsed: dict[Path, list[tuple[int, Caption]]] = {}
    for split, file in caption_files.items():
        if file not in parsed:
            parsed[file] = list(read_captions(file, lines, found))
        members = set(collection.ids[split])
        for _, caption in parsed[file]:
            if caption.video in members:
                collection.captions[split].add(caption)
        described = set(collection.captions[split].videos)
        for video in collection.ids[split]:
            if video not in described:
                where, line = lines[video]
                found.add(where, line, f"video '{video}' of {split} has no caption in {file.name}{_ending(video)}")
    for source, found_captions in parsed.items():
        splits = [split for split, named in caption_files.items() if named == source]
        members = {video for split in splits for video in collection.ids[split]}
        for line, caption in found_captions:
            if caption.video not in members:
                other = next(split for split in SPLITS if caption.video in collection.ids[split])
                found.add(
                    source, line, f"caption '{caption.id}': '{caption.video}' is in {other}, which reads another file"
                )
    return lines


def _read_ids(file: Path, split: str, lines: dict[str, tuple[Path, int]], found: Found) -> list[str]:
    ids = []
    for number, line in text_lines(file, found):
        name = line.strip()
        wrong = bad_id(name)
        if wrong:
            found.add(file, number, wrong)
        elif name in lines:
            where, first = lines[name]
            again = "again" if where == file else f"in {split} too (a video belongs to one split)"
            found.add(file, number, f"video '{name}' stands {again}; first in {where.name}:{first}")
        else:
            lines[name] = (file, number)
            ids.append(name)
    if not ids:
        found.add(file, 0, f"lists no video for {split}")
    return ids


def _find_videos(raw: dict[str, Any], collection: Collection, lines: dict[str, tuple[Path, int]], found: Found) -> None:
    """Fill in `collection.files` and its notes. A video without a file costs itself, unless no video has one."""
    source = _file(raw["videos"], collection.path, "videos", found)
    follow = raw.get("follow_links", False)
    if not isinstance(follow, bool):
        found.add(collection.path, 0, f"follow_links: should be true or false, not {follow!r}")
    if source is None:
        return
    folder = source if source.is_dir() else source.parent
    known, subfolders = _folder(source) if source.is_dir() else (_table(source, found), [])
    several = {video: known[video] for video in lines if len(known.get(video, [])) > 1}
    chosen, collection.notes = chosen_of(several)
    for video, (where, line) in lines.items():
        files = known.get(video, [])
        if video in several and video not in chosen:
            found.add(where, line, f"video '{video}' has {len(files)} files in {source}: {_names(files)}")
        elif files:
            collection.files[video] = str(chosen.get(video, files[0]))
    _note_missing(source, known, subfolders, collection, lines, found)
    if follow is not True and (out := links_out(collection.files.values(), folder)):
        link, place = next(iter(out.items()))
        found.add(
            collection.path,
            0,
            f"videos: {len(out)} file(s) are links out of {folder}, such as {Path(link).name} (to {place}); "
            "if they may be followed, say `follow_links: true` here",
        )
    for video in lines:  # where it would be; who opens it says that nothing is there
        collection.files.setdefault(video, str(folder / video))


def _note_missing(
    source: Path,
    known: dict[str, list[Path]],
    subfolders: list[str],
    collection: Collection,
    lines: dict[str, tuple[Path, int]],
    found: Found,
) -> None:
    """A note of the videos that have no file; mistakes instead, a line each, where there are other mistakes too."""
    lost = [
        video
        for video in lines
        if not known.get(video) or (video in collection.files and not Path(collection.files[video]).is_file())
    ]
    if not lost:
        return
    names = list(known)[:5000]
    more = f"; its subfolders are not looked into: {some(subfolders)}" if subfolders else ""
    if found.lines or len(lost) == len(lines):
        for video in lost:
            where, line = lines[video]
            hint = ""
            if video not in known and len(found.lines) < GUESSED:  # it takes long, and is not shown
                hint = _near(video, names)
            file = Path(collection.files.get(video, source))
            what = f" in {source}{more}" if file == source else f": there is no {file}"
            if file.is_symlink():
                what = f": {file} is a link to nothing ({file.readlink()})"
            found.add(where, line, f"video '{video}' has no file{what}{hint}")
        return
    broken = sum(Path(collection.files.get(video, source)).is_symlink() for video in lost)
    more += f"; {broken} of them are links to nothing" if broken else ""
    hints = [_near(video, names).replace("; ", ", ") if video not in known else "" for video in lost[:3]]
    shown = [f"'{video}'{hint}" for video, hint in zip(lost, hints, strict=False)]
    collection.notes.append(
        printable(
            f"{len(lost)} of {len(lines)} videos have no file in {source}, which costs these videos: "
            f"{', '.join(shown)}{', …' if len(lost) > 3 else ''}{more}"
        )
    )


def _near(video: str, names: Sequence[str]) -> str:
    """A did-you-mean among names of files with the same numbers: clip99 is not meant to be clip6."""
    numbers = _numbers(video)
    return did_you_mean(video, [name for name in names if _numbers(name) == numbers])


def _numbers(name: str) -> list[str]:
    return [digits.lstrip("0") for digits in re.findall(r"\d+", name)]


def _ending(video: str) -> str:
    """A hint where an id looks like the name of a file."""
    stem, dot, ending = video.rpartition(".")
    return f"; write '{stem}': an id has no ending" if stem and f"{dot}{ending}".lower() in VIDEO else ""


def _names(files: Sequence[Path]) -> str:
    return ", ".join(file.name for file in files)


def _folder(folder: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """{id: files} of a folder, and its subfolders. A file goes by its name with and without the ending."""
    known: dict[str, list[Path]] = {}
    subfolders = []
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or file.suffix.lower() in NO_VIDEO:
            continue
        if file.is_dir():
            subfolders.append(file.name)
        elif file.is_file() or (file.is_symlink() and not file.exists()):  # a link to nothing is told as such
            for name in {file.stem, file.name}:
                known.setdefault(name, []).append(file)
    return known, subfolders


def _table(table: Path, found: Found) -> dict[str, list[Path]]:
    """{id: [file]} of a CSV table with the header `video,path`; paths relative to the table."""
    known: dict[str, list[Path]] = {}
    rows = csv_rows(table, found)
    number, header = next(rows, (1, []))
    if [cell.strip() for cell in header] != ["video", "path"]:
        found.add(table, number, f"the first line should be 'video,path', not {','.join(header)[:60]!r}")
        return {}
    for number, row in rows:
        if len(row) != 2:
            found.add(table, number, f"has {len(row)} columns instead of 2")
            continue
        video, file = row[0].strip(), table.parent / row[1].strip()
        wrong = bad_id(video)
        if wrong:
            found.add(table, number, wrong)
        elif video in known:
            found.add(table, number, f"video '{video}' stands again")
        else:
            known[video] = [file]
    return known
