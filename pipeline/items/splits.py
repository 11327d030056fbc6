"""The splits of a collection: which videos each has, what is said of them, and what is asked without a known answer.

Every part of a split is optional. Without `ids` it has the videos that its captions describe; without captions, too,
all that no other split has. A collection without splits is `test` as a whole: test is what is searched.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import ids
from pipeline.errors import did_you_mean
from pipeline.items.lists import Caption, Captions, Found, caption_rows, named_file, read_captions, text_lines
from pipeline.items.queries import read_queries
from pipeline.items.video_files import VIDEO, some

SPLITS = ("train", "val", "test")
KEYS = ("ids", "captions", "queries")
FORM = "{ids: FILE, captions: FILE, queries: FILE}, each of them optional"

Lines = dict[str, tuple[Path, int]]
"""{video: the file that lists it, and the line}; line 0 where a folder or a table does"""


@dataclass
class Splits:
    """What the splits of a collection.yaml say."""

    ids: dict[str, list[str]] = field(default_factory=lambda: {split: [] for split in SPLITS})
    captions: dict[str, Captions] = field(default_factory=lambda: {split: Captions() for split in SPLITS})
    queries: Captions = field(default_factory=Captions)  # of test, of no video
    val_is_test: bool = False
    lines: Lines = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(raw: dict[str, Any], path: Path, videos: Mapping[str, str] | None, found: Found) -> Splits:
    """Read what the splits of `raw`, which is the collection.yaml at `path`, name; mistakes are noted in `found`.

    videos: ids of all that the collection's folder or table has, each with the id that names its ending too; None
    where there is neither.
    """
    splits = Splits()
    entries = _entries(raw, path, splits, found)
    files = {
        split: {key: file for key in KEYS if key in entry and (file := named_file(entry, key, path, split, found))}
        for split, entry in entries.items()
    }
    for split, named in files.items():
        if "ids" in named:
            splits.ids[split] = read_ids(named["ids"], split, splits.lines, found)
    for split, named in files.items():
        if "captions" in named and "ids" not in entries[split]:
            splits.ids[split] = _described(named["captions"], splits.lines)
            if not splits.ids[split]:
                found.add(named["captions"], 0, f"describes no video for {split}, or only those of other splits")
    rest = [split for split, entry in entries.items() if not {"ids", "captions"} & entry.keys()]
    if len(rest) > 1:
        found.add(
            path, 0, f"{' and '.join(rest)} have neither ids nor captions; one split at most can take what is left"
        )
    elif rest:
        _take_rest(rest[0], path, videos, splits, found)
    _read_all_captions(
        {split: named["captions"] for split, named in files.items() if "captions" in named}, splits, found
    )
    if file := files.get("test", {}).get("queries"):
        before = len(found.lines)
        splits.queries = read_queries(file, found)
        if not splits.queries and len(found.lines) == before:
            found.add(file, 0, "lists no query")
        taken = {id_ for captions in splits.captions.values() for id_ in captions.ids}
        for id_ in splits.queries.ids:
            if id_ in taken:
                found.add(file, 0, f"query '{id_}' has the id of a caption; give it another one")
    return splits


def _entries(raw: dict[str, Any], path: Path, splits: Splits, found: Found) -> dict[str, dict[str, Any]]:
    """The splits that are described, mistakes noted and left out."""
    entries: dict[str, dict[str, Any]] = {}
    for split in SPLITS:
        if split not in raw:
            continue
        entry = raw[split]
        if split == "val" and entry == "test":
            splits.val_is_test = True
        elif not isinstance(entry, dict):
            found.add(path, 0, f"{split}: should be {FORM}{', or `test`' if split == 'val' else ''}; not {entry!r}")
        else:
            for key in entry:
                if key not in KEYS:
                    found.add(path, 0, f"{split}: unknown key '{key}'{did_you_mean(str(key), KEYS)}")
            if split != "test" and "queries" in entry:
                found.add(
                    path, 0, f"{split}: queries have no known answer to learn from; give them to test, which is ranked"
                )
            entries[split] = entry
    if splits.val_is_test and "test" not in raw:
        found.add(path, 0, "val: test: there is no test; describe it")
    return entries if any(split in raw for split in SPLITS) else {"test": {}}


def read_ids(file: Path, split: str, lines: Lines, found: Found) -> list[str]:
    """The ids of a list, one a line; noted in `lines`, mistakes in `found`."""
    names = []
    for number, line in text_lines(file, found):
        name = ids.decoded(line)
        if wrong := ids.wrong(name):
            found.add(file, number, wrong)
        elif name in lines:
            where, first = lines[name]
            again = "again" if where == file else f"in {split} too (a video belongs to one split)"
            found.add(file, number, f"video '{name}' stands {again}; first in {where.name}:{first}")
        else:
            lines[name] = (file, number)
            names.append(name)
    if not names:
        found.add(file, 0, f"lists no video for {split}")
    return names


def _described(file: Path, lines: Lines) -> list[str]:
    """The videos that a file of captions speaks of, but for those that are listed already; its mistakes come later."""
    names = []
    for number, _, video, _ in caption_rows(file, Found()):
        if video not in lines and not ids.wrong(video):
            lines[video] = (file, number)
            names.append(video)
    return names


def _take_rest(split: str, path: Path, videos: Mapping[str, str] | None, splits: Splits, found: Found) -> None:
    """Give a split all videos that no other has."""
    if videos is None:
        found.add(path, 0, f"{split}: which videos are in it? Name `ids:`, or `videos:` of the collection")
        return
    splits.ids[split] = [video for video, other in videos.items() if not {video, other} & splits.lines.keys()]
    splits.lines.update(dict.fromkeys(splits.ids[split], (path, 0)))
    if videos and not splits.ids[split]:
        found.add(path, 0, f"{split}: other splits list all {len(videos)} videos, so none is left for it")


def _read_all_captions(files: dict[str, Path], splits: Splits, found: Found) -> None:
    """Captions of each split; one file may serve several, so all ids are known before a caption is called homeless."""
    parsed: dict[Path, list[tuple[int, Caption]]] = {}
    for split, file in files.items():
        if file not in parsed:
            parsed[file] = list(read_captions(file, splits.lines, found))
        members = set(splits.ids[split])
        for _, caption in parsed[file]:
            if caption.video in members:
                splits.captions[split].add(caption)
        described = set(splits.captions[split].videos)
        lacking = [video for video in splits.ids[split] if video not in described]
        if not lacking:
            continue
        hint = _ending(lacking[0])
        if described:
            count = f"{len(lacking)} of {len(splits.ids[split])} videos of {split}"
            splits.notes.append(f"{count} have no caption: {some(lacking)}{hint}")
        else:
            found.add(
                file, 0, f"describes none of the {len(lacking)} video(s) of {split}, such as '{lacking[0]}'{hint}"
            )
    for source, captions in parsed.items():
        members = {video for split, file in files.items() if file == source for video in splits.ids[split]}
        for line, caption in captions:
            if caption.video not in members:
                other = next(split for split in SPLITS if caption.video in splits.ids[split])
                why = "which reads another file" if other in files else "which names no captions"
                found.add(source, line, f"caption '{caption.id}': '{caption.video}' is in {other}, {why}")


def _ending(video: str) -> str:
    """A hint where an id looks like the name of a file."""
    stem, dot, ending = video.rpartition(".")
    return f"; write '{stem}': an id has no ending" if stem and f"{dot}{ending}".lower() in VIDEO else ""
