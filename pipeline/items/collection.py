"""A collection: videos, captions and splits as collection.yaml describes them, checked before any work."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import yamls
from pipeline.errors import LaffError, did_you_mean, problems
from pipeline.items import fast_lists, placing, sources, splits
from pipeline.items.lists import Captions, Found, named_file
from pipeline.items.splits import SPLITS

SHOWN = 1000  # problems printed one by one; the rest is counted
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
    queries: Captions = field(default_factory=Captions)  # texts that test is asked without a known answer
    val_is_test: bool = False  # whether the videos of test are those of val too; val lists none then
    notes: list[str] = field(default_factory=list)  # what is no mistake, but to be told once, a line each

    @property
    def has_videos(self) -> bool:
        """Whether there are raw videos; a collection may start from imported features."""
        return bool(self.files)


def load(path: Path) -> Collection:
    """Read a collection.yaml and everything it names; one LaffError lists every mistake with its file and line."""
    raw = yamls.load(path)
    if not isinstance(raw, dict):
        raise LaffError(f"{path}: should be a mapping; `videos: FOLDER` is enough")
    found = Found()
    for key in raw:
        if key not in KEYS:
            found.add(path, 0, f"unknown key '{key}'{did_you_mean(str(key), KEYS)}")
    if isinstance(raw.get("name"), dict | list):
        found.add(path, 0, "name: should be a word, not a list or a mapping")
    collection = Collection(str(raw.get("name") or path.resolve().parent.name), path)
    # Mistakes are rare, and a million lines are many: only where something is off, each line is looked at.
    if not found.lines and (sound := fast_lists.read(raw, path.parent, SPLITS)):
        collection.ids, collection.captions, collection.files, collection.notes = sound
        return collection
    _read(raw, collection, found)
    if found.lines:
        raise problems(str(path), found.lines, most=SHOWN)
    return collection


def _read(raw: dict[str, Any], collection: Collection, found: Found) -> None:
    """Fill in a collection line by line."""
    path = collection.path
    listed = any(split in raw for split in SPLITS)
    if not listed and "videos" not in raw:
        found.add(path, 0, "names no videos and no split: give `videos:` a folder or a table")
        return
    about_videos = Found()  # told after what is wrong with lists
    follow = raw.get("follow_links", False)
    if not isinstance(follow, bool):
        about_videos.add(path, 0, f"follow_links: should be true or false, not {follow!r}")
    source = None
    if "videos" in raw and (place := named_file(raw, "videos", path, "", about_videos)):
        takes_rest = not listed or any(
            isinstance(raw.get(split), dict) and not {"ids", "captions"} & raw[split].keys() for split in SPLITS
        )
        source = sources.read(place, follow is True, not takes_rest, about_videos)
        collection.notes += source.notes
    own = source.own if source else {} if "videos" in raw else None
    read = splits.read(raw, path, own, found)
    collection.ids, collection.captions, collection.queries = read.ids, read.captions, read.queries
    collection.val_is_test = read.val_is_test
    collection.notes += read.notes
    found.lines += about_videos.lines
    if source:
        collection.files, notes = placing.place(source, read.lines, follow is True, path, found)
        collection.notes += notes
