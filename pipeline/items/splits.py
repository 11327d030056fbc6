"""The splits of a collection: the videos and the captions of each, and the queries of test, which have no known answer.

Every part of a split is optional. Without `ids` it has the videos that its captions describe; without captions, too,
all that no other split has. A collection without splits is `test` as a whole: test is what is searched.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import ids
from pipeline.errors import Problems, did_you_mean
from pipeline.items.lists import Captions, caption_rows, named_file, read_captions, text_lines
from pipeline.items.queries import read_queries
from pipeline.items.video_files import VIDEO, some
from pipeline.wording import number_of

SPLITS = ("train", "val", "test")
KEYS = ("ids", "captions", "queries")
FORM = "{ids: FILE, captions: FILE, queries: FILE}, each of them optional, or one or several other collection.yaml"

Lines = dict[str, tuple[Path, int]]
"""{video: (the file that lists it, the line)}; line 0 if a folder or a table lists it"""


@dataclass
class Splits:
    """What the splits of a collection.yaml say."""

    ids: dict[str, list[str]] = field(default_factory=lambda: {split: [] for split in SPLITS})
    captions: dict[str, Captions] = field(default_factory=lambda: {split: Captions() for split in SPLITS})
    queries: Captions = field(default_factory=Captions)  # of test; they have no video
    val_is_test: bool = False
    lines: Lines = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(raw: dict[str, Any], path: Path, videos: Mapping[str, str] | None, problems: Problems) -> Splits:
    """Read the files that the splits in `raw` name; adds mistakes to `problems`.

    raw: the content of the collection.yaml at `path`. videos: {id: the same id with the file ending} of all videos in
    the collection's folder or table; None if it has neither.
    """
    splits = Splits()
    entries = _entries(raw, path, splits, problems)
    files = {
        split: {key: file for key in KEYS if key in entry and (file := named_file(entry, key, path, split, problems))}
        for split, entry in entries.items()
    }
    for split, named in files.items():
        if "ids" in named:
            splits.ids[split] = read_ids(named["ids"], split, splits.lines, problems)
    for split, named in files.items():
        if "captions" in named and "ids" not in entries[split]:
            splits.ids[split] = _described(named["captions"], splits.lines)
            if not splits.ids[split]:
                problems.add(f"describes no video for {split}, or only those of other splits", named["captions"])
    rest = [split for split, entry in entries.items() if not {"ids", "captions"} & entry.keys()]
    if len(rest) > 1:
        problems.add(
            f"{' and '.join(rest)} have neither ids nor captions; one split at most can take what is left", path
        )
    elif rest:
        _take_rest(rest[0], path, videos, splits, problems)
    _read_all_captions(
        {split: named["captions"] for split, named in files.items() if "captions" in named}, splits, problems
    )
    if file := files.get("test", {}).get("queries"):
        splits.queries = read_queries(file, problems)
        taken = {id_ for captions in splits.captions.values() for id_ in captions.ids}
        for id_ in splits.queries.ids:
            if id_ in taken:
                problems.add(f"query '{id_}' has the id of a caption; give it another one", file)
    return splits


def _entries(raw: dict[str, Any], path: Path, splits: Splits, problems: Problems) -> dict[str, dict[str, Any]]:
    """The valid entries of the splits; mistakes in the others are added to `problems`."""
    entries: dict[str, dict[str, Any]] = {}
    for split in SPLITS:
        if split not in raw:
            continue
        entry = raw[split]
        if split == "val" and entry == "test":
            splits.val_is_test = True
        elif not isinstance(entry, dict):
            problems.add(f"{split}: should be {FORM}{', or `test`' if split == 'val' else ''}; not {entry!r}", path)
        else:
            for key in entry:
                if key not in KEYS:
                    problems.add(f"{split}: unknown key '{key}'{did_you_mean(str(key), KEYS)}", path)
            if split != "test" and "queries" in entry:
                problems.add(
                    f"{split}: queries have no known answer to learn from; give them to test, which is ranked", path
                )
            entries[split] = entry
    if splits.val_is_test and "test" not in raw:
        problems.add("val: test: there is no test; describe it", path)
    return entries if any(split in raw for split in SPLITS) else {"test": {}}


def read_ids(file: Path, split: str, lines: Lines, problems: Problems) -> list[str]:
    """The ids of a file with one id per line; adds them to `lines`, and mistakes to `problems`."""
    names = []
    for number, line in text_lines(file, problems):
        name = ids.decoded(line)
        if wrong := ids.wrong(name):
            problems.add(wrong, file, number)
        elif name in lines:
            where, first = lines[name]
            again = "again" if where == file else f"in {split} too (a video belongs to one split)"
            problems.add(f"video '{name}' stands {again}; first in {where.name}:{first}", file, number)
        else:
            lines[name] = (file, number)
            names.append(name)
    if not names:
        problems.add(f"lists no video for {split}", file)
    return names


def _described(file: Path, lines: Lines) -> list[str]:
    """The videos that a file of captions describes and no split lists yet; its mistakes are noted when it is read."""
    names = []
    for number, _, video, _ in caption_rows(file, Problems()):
        if video not in lines and not ids.wrong(video):
            lines[video] = (file, number)
            names.append(video)
    return names


def _take_rest(split: str, path: Path, videos: Mapping[str, str] | None, splits: Splits, problems: Problems) -> None:
    """Give a split all videos that no other has."""
    if videos is None:
        problems.add(f"{split}: which videos are in it? Name `ids:`, or `videos:` of the collection", path)
        return
    splits.ids[split] = [video for video, other in videos.items() if not {video, other} & splits.lines.keys()]
    splits.lines.update(dict.fromkeys(splits.ids[split], (path, 0)))
    if videos and not splits.ids[split]:
        problems.add(f"{split}: other splits list all {len(videos):,} videos, so none is left for it", path)


def _read_all_captions(files: dict[str, Path], splits: Splits, problems: Problems) -> None:
    """Read the captions of each split. One file may serve several splits, so it is read once, for all of them."""
    left: dict[Path, list[tuple[int, str, str]]] = {}  # captions of videos that are in splits of other files
    for split, file in files.items():
        if file not in left:
            members = {other: splits.ids[other] for other in files if files[other] == file}
            left[file] = read_captions(file, members, splits.captions, splits.lines, problems)
        described = set(splits.captions[split].videos)
        lacking = [video for video in splits.ids[split] if video not in described]
        if not lacking:
            continue
        hint = _ending(lacking[0])
        if described:
            count = f"{len(lacking):,} of {len(splits.ids[split]):,} videos of {split}"
            splits.notes.append(f"{count} have no caption: {some(lacking)}{hint}")
        else:
            problems.add(
                f"describes no video of {split}, which has {number_of(lacking, 'videos')} such as '{lacking[0]}'{hint}",
                file,
            )
    for file, captions in left.items():
        for line, id_, video in captions:
            other = next(split for split in SPLITS if video in splits.ids[split])
            why = "which reads another file" if other in files else "which names no captions"
            problems.add(f"caption '{id_}': '{video}' is in {other}, {why}", file, line)


def _ending(video: str) -> str:
    """A hint where an id looks like the name of a file."""
    stem, dot, ending = video.rpartition(".")
    return f"; write '{stem}': an id has no ending" if stem and f"{dot}{ending}".lower() in VIDEO else ""
