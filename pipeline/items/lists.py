"""Caption files and lists, line by line: every mistake noted with its file and line, the rest handed on."""

import csv
import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from pipeline import ids
from pipeline.errors import printable
from pipeline.files import text_of

NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1b\x7f\ud800-\udfff]")  # what a text file or HDF5 cannot hold, or nobody meant
HINT = "white space, % and # of a video id are percent-encoded there"
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
        """One more caption."""
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


class Found:
    """The mistakes found so far, each with its file and line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, where: Path | str, line: int, text: str) -> None:
        """Note one; names of files in it may hold anything, so what cannot be shown is escaped."""
        self.lines.append(printable(f"{where}:{line}: {text}" if line else f"{where}: {text}"))


def named_file(entry: dict[str, Any], key: str, path: Path, split: str, found: Found) -> Path | None:
    """The file that a key of collection.yaml, at `path`, names; None, with the mistake noted, where there is none."""
    value, what = entry[key], f"{split}.{key}" if split else key
    if not isinstance(value, str) or not value:
        found.add(path, 0, f"{what}: should name a file, not {value!r}")
        return None
    file = path.parent / value
    if value.startswith("..") and (plain := Path(os.path.normpath(file))).exists() and plain.samefile(file):
        file = plain  # `..` would stand in the path of every video
    if not file.exists():
        found.add(path, 0, f"{what}: no such file: {file}")
        return None
    return file


def text_lines(file: Path, found: Found) -> Iterator[tuple[int, str]]:
    """(line number, text) of each line that is not blank; the mistake noted where the file is not UTF-8 text."""
    try:
        text = text_of(file)
    except UnicodeDecodeError as error:
        found.add(file, 0, f"is not {error.encoding.upper()} text: {error.reason} at byte {error.start}")
    except OSError as error:
        found.add(file, 0, f"cannot be read: {error.strerror}")
    else:
        yield from ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def caption_rows(file: Path, found: Found) -> Iterator[tuple[int, str, str, str]]:
    """(line number, caption id, video, text) as they stand in the file, none of them checked."""
    return {".csv": _from_csv, ".jsonl": _from_jsonl}.get(file.suffix.lower(), _from_text)(file, found)


def read_captions(file: Path, videos: dict[str, Any], found: Found) -> Iterator[tuple[int, Caption]]:
    """Captions of a file, mistakes noted and left out. The ending says the form: .csv, .jsonl, else `id#n text`."""
    seen: dict[str, int] = {}
    for number, id_, video, text in caption_rows(file, found):
        wrong = ids.wrong(video)
        if wrong:
            found.add(file, number, wrong)
        elif id_ in seen:
            found.add(file, number, f"caption id '{id_}' stands again; first in line {seen[id_]}")
        elif not text.strip():
            found.add(file, number, f"caption '{id_}' is empty")
        elif odd := NO_TEXT.search(text):
            found.add(file, number, f"caption '{id_}' has the character {odd.group()!r}, which is no text")
        elif video not in videos:
            found.add(file, number, f"caption '{id_}' has no video: '{video}' is in no split")
        else:
            yield number, Caption(id_, video, " ".join(text.split()))
        seen.setdefault(id_, number)


def _from_text(file: Path, found: Found) -> Iterator[tuple[int, str, str, str]]:
    for number, line in text_lines(file, found):
        id_, text = [*line.split(maxsplit=1), ""][:2]
        video, hash_, count = id_.rpartition("#")
        if not hash_ or not NUMBER.fullmatch(count):
            found.add(file, number, f"should be 'VIDEO#n text' ({HINT}), not {line.strip()[:60]!r}")
            continue
        video = ids.decoded(video)
        yield number, f"{video}#{count}", video, text


def csv_rows(file: Path, found: Found) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, cells) of each row that is not blank; a broken quote ends them, noted."""
    lines = list(text_lines(file, found))
    rows = csv.reader(io.StringIO("\n".join(line for _, line in lines)), strict=True)
    number = 0
    try:
        while rows.line_num < len(lines):
            number = lines[rows.line_num][0]
            yield number, next(rows)
    except csv.Error as error:
        found.add(file, number, f"is not valid CSV: {error}")


def _from_csv(file: Path, found: Found) -> Iterator[tuple[int, str, str, str]]:
    rows = csv_rows(file, found)
    counts: dict[str, int] = {}
    _, header = next(rows, (1, []))
    if [cell.strip() for cell in header[:2]] != ["video", "caption"]:
        found.add(file, 1, f"the first line should be 'video,caption', not {','.join(header)[:60]!r}")
        return
    for number, row in rows:
        if len(row) != 2:
            found.add(file, number, f"has {len(row)} columns instead of 2 (put a caption with commas into quotes)")
            continue
        video = ids.clean(row[0])
        yield number, _numbered(video, counts), video, row[1]


def _from_jsonl(file: Path, found: Found) -> Iterator[tuple[int, str, str, str]]:
    counts: dict[str, int] = {}
    for number, line in text_lines(file, found):
        try:
            row = json.loads(line)
            video = row["video"]
            texts = row["captions"] if "captions" in row else [row["caption"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            found.add(file, number, 'should be {"video": …, "caption": …} or {"video": …, "captions": […]}')
            continue
        if not isinstance(video, str) or not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
            found.add(file, number, "video should be text, captions a list of texts")
            continue
        video = ids.clean(video)
        for text in texts:
            yield number, _numbered(video, counts), video, text


def _numbered(video: str, counts: dict[str, int]) -> str:
    counts[video] = counts.get(video, -1) + 1
    return f"{video}#{counts[video]}"
