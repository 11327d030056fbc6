"""Caption files and lists, line by line: good lines are handed on, each mistake is noted with its file and line."""

import csv
import io
import json
import os
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from pipeline import ids
from pipeline.errors import Problems, near_path
from pipeline.files import text_of

NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1b\x7f\ud800-\udfff]")  # what a text file or HDF5 cannot hold, or nobody meant
HINT = "white space, % and # of a video id are percent-encoded there"
LANGUAGE = "#enc"  # VIDEO#enc#n: the caption ids of W2VV and its followers, where a video has captions of two languages
NUMBER = re.compile(r"[A-Za-z0-9_.-]+")  # what follows the # of a caption id


@dataclass(frozen=True)
class Caption:
    """One sentence of one video."""

    id: str  # VIDEO#n
    video: str
    text: str


@dataclass
class Captions(Sequence[Caption]):
    """Many captions, by columns [n]: a million objects would take half a gigabyte more."""

    ids: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def add(self, caption: Caption) -> None:
        """Append a caption."""
        self.ids.append(caption.id)
        self.videos.append(caption.video)
        self.texts.append(caption.text)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Caption: ...
    @overload
    def __getitem__(self, index: slice) -> list[Caption]: ...
    def __getitem__(self, index: int | slice) -> Caption | list[Caption]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        return Caption(self.ids[index], self.videos[index], self.texts[index])


def named_file(entry: dict[str, Any], key: str, path: Path, split: str, problems: Problems) -> Path | None:
    """The file that a key of the collection.yaml at `path` names; None, and a problem, where there is none."""
    value, what = entry[key], f"{split}.{key}" if split else key
    if not isinstance(value, str) or not value:
        problems.add(f"{what}: should name a file, not {value!r}", path)
        return None
    file = path.parent / value
    if value.startswith("..") and (plain := Path(os.path.normpath(file))).exists() and plain.samefile(file):
        file = plain  # `..` would stand in the path of every video
    if not file.exists():
        problems.add(f"{what}: no such file: {file}{near_path(file)}", path)
        return None
    return file


def text_lines(file: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    """(line number, text) of each line that is not blank; a problem where the file is not UTF-8 text."""
    try:
        text = text_of(file)
    except UnicodeDecodeError as error:
        problems.add(f"is not {error.encoding.upper()} text: {error.reason} at byte {error.start}", file)
    except OSError as error:
        problems.add(f"cannot be read: {error.strerror}", file)
    else:
        for number, line in enumerate(text.split("\n"), 1):
            if line and not line.isspace():
                yield number, line


def caption_rows(file: Path, problems: Problems) -> Iterator[tuple[int, str, str, str]]:
    """(line number, caption id, video, text) as they stand in the file, none of them checked."""
    return {".csv": _from_csv, ".jsonl": _from_jsonl}.get(file.suffix.lower(), _from_text)(file, problems)


def read_captions(
    file: Path,
    members: Mapping[str, Sequence[str]],
    captions: Mapping[str, Captions],
    videos: Container[str],
    problems: Problems,
) -> list[tuple[int, str, str]]:
    """Add the captions of a file to the splits that name the file.

    Returns captions whose video is in another split: [(line, caption id, video)]. The ending of the file's name gives
    its format: .csv, .jsonl, else lines `VIDEO#n text`. Nearly all captions are correct, so a few quick tests come
    first; the exact mistake is searched for only if they fail.

    Args:
        file: The file.
        members: {split: its videos} of the splits that name the file; their ids were checked before.
        captions: {split: its captions}, of all splits.
        videos: The videos of all splits.
        problems: The list that mistakes are added to.
    """
    # {video: (the captions of its split, the video)}. All captions of a video share this one text, to save memory.
    columns = {video: (captions[split], video) for split, ids_ in members.items() for video in ids_}
    lines: dict[str, int] = {}  # {caption id: its first line}
    left: list[tuple[int, str, str]] = []
    for number, id_, video, text in caption_rows(file, problems):
        line = one_line(text)
        first = lines.setdefault(id_, number)
        known = columns.get(video)
        if known and first == number and line and (line.isprintable() or not odd_letter(line)):
            column, video = known
            column.ids.append(id_)
            column.videos.append(video)
            column.texts.append(line)
        elif wrong := ids.wrong(video):
            problems.add(wrong, file, number)
        elif first != number:
            problems.add(f"caption id '{id_}' stands again; first in line {first}", file, number)
        elif not line:
            problems.add(f"caption '{id_}' is empty", file, number)
        elif odd := odd_letter(line):
            problems.add(f"caption '{id_}' has the character {odd!r}, which is no text", file, number)
        elif video in videos:
            left.append((number, id_, video))
        else:
            problems.add(f"caption '{id_}' has no video: '{video}' is in no split", file, number)
    return left


def one_line(text: str) -> str:
    """Text with one blank for each run of white space, and none around it."""
    if text.isprintable() and "  " not in text:  # no white space but single blanks: as nearly all captions are
        return text.strip()
    return " ".join(text.split())


def odd_letter(line: str) -> str:
    """The first character of a line that is no text, or ''."""
    odd = None if line.isprintable() else NO_TEXT.search(line)  # a tenth of the time of the search
    return odd.group() if odd else ""


def _from_text(file: Path, problems: Problems) -> Iterator[tuple[int, str, str, str]]:
    for number, line in text_lines(file, problems):
        id_, *rest = line.split(maxsplit=1)
        video, hash_, count = id_.rpartition("#")
        if video.endswith(LANGUAGE):
            video, hash_ = video.removesuffix(LANGUAGE), f"{LANGUAGE}#"
        text = rest[0] if rest else ""
        if not hash_ or not NUMBER.fullmatch(count):
            problems.add(f"should be 'VIDEO#n text' ({HINT}), not {line.strip()[:60]!r}", file, number)
        elif (decoded := ids.decoded(video)) == video:
            yield number, id_, video, text
        else:
            yield number, f"{decoded}{hash_}{count}", decoded, text


def csv_rows(file: Path, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, cells) of each row that is not blank; a broken quote is a problem and ends them."""
    lines = list(text_lines(file, problems))
    rows = csv.reader(io.StringIO("\n".join(line for _, line in lines)), strict=True)
    number = 0
    try:
        while rows.line_num < len(lines):
            number = lines[rows.line_num][0]
            yield number, next(rows)
    except csv.Error as error:
        problems.add(f"is not valid CSV: {error}", file, number)


def _from_csv(file: Path, problems: Problems) -> Iterator[tuple[int, str, str, str]]:
    rows = csv_rows(file, problems)
    counts: dict[str, int] = {}
    _, header = next(rows, (1, []))
    if [cell.strip() for cell in header[:2]] != ["video", "caption"]:
        problems.add(f"the first line should be 'video,caption', not {','.join(header)[:60]!r}", file, 1)
        return
    for number, row in rows:
        if len(row) != 2:
            problems.add(f"has {len(row)} columns instead of 2 (put a caption with commas into quotes)", file, number)
            continue
        video = ids.clean(row[0])
        yield number, _numbered(video, counts), video, row[1]


def _from_jsonl(file: Path, problems: Problems) -> Iterator[tuple[int, str, str, str]]:
    counts: dict[str, int] = {}
    for number, line in text_lines(file, problems):
        try:
            row = json.loads(line)
            video = row["video"]
            texts = row["captions"] if "captions" in row else [row["caption"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            problems.add('should be {"video": …, "caption": …} or {"video": …, "captions": […]}', file, number)
            continue
        if not isinstance(video, str) or not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
            problems.add("video should be text, captions a list of texts", file, number)
            continue
        video = ids.clean(video)
        for text in texts:
            yield number, _numbered(video, counts), video, text


def _numbered(video: str, counts: dict[str, int]) -> str:
    counts[video] = counts.get(video, -1) + 1
    return f"{video}#{counts[video]}"
