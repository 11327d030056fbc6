"""The annotation files that a person gave, and what kind each is, by its name and its first lines."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import LaffError, near_path
from pipeline.protocols.reading import cells

HEAD = 65536  # bytes that are looked at
LINES = 20  # of them
ENDINGS = {".json", ".jsonl", ".txt", ".csv", ".tsv", ".pkl", ".pickle", ".lst", ".list", ".xml"}  # read in a folder
CAPTION = re.compile(r"\S+#\S+\s+\S")
SPLIT = re.compile(r"(train|val|test)(?=$|[^a-z]|ing|id|val)")  # behind it no other word goes on, but -ing, -idation
MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig"))


@dataclass
class Source:
    """An annotation file."""

    path: Path
    # json, jsonl, pickle, xml; table: columns with a header; captions: lines `VIDEO#n text`; pairs: lines of an id and
    # more; ids: lines of one word
    form: str
    header: tuple[str, ...] = ()  # of a table: its columns
    folder: Path = Path()  # the one that was given, in which it was found; else its own
    used: bool = False  # whether the data set reads it
    noted: bool = False  # whether a note says already why it is not read

    @property
    def split(self) -> str:
        """The split that the file's name says: train, val, test, or ''."""
        return split_of(self.path.stem)


@dataclass
class Sources:
    """All files of one order, in the order in which they were given; those of a folder by name."""

    files: list[Source] = field(default_factory=list)

    def of(self, form: str, *columns: str) -> list[Source]:
        """The files of a form, a table with at least these columns; they count as used."""
        chosen = [source for source in self.files if source.form == form and set(columns) <= set(source.header)]
        for source in chosen:
            source.used = True
        return chosen

    @property
    def unused(self) -> list[Path]:
        """The files that nobody asked for, and of which no note says so."""
        return [source.path for source in self.files if not source.used and not source.noted]

    def leave_out(self, path: Path) -> None:
        """Count a file as not used, after a note that says why."""
        for source in self.files:
            if source.path == path:
                source.used, source.noted = False, True


def split_of(name: str) -> str:
    """The split that a name says, as `msvdtrain`, `val_list` or `test.caption` do; '' for none or several."""
    said = set(SPLIT.findall(name.lower()))
    return said.pop() if len(said) == 1 else ""


def read(paths: Sequence[Path], wanted: Sequence[str] = ()) -> Sources:
    """Look at the files, and at those in the folders and their subfolders; LaffError for a path without any.

    wanted: the files that a data set reads, in words, for the message.
    """
    seen: dict[Path, Source] = {}
    for path in paths:
        if not path.exists():
            raise LaffError(
                f"{path}: no such file or folder{near_path(path)}; name the annotation files, or the folder that holds "
                "them"
            )
        inside = list(_inside(path)) if path.is_dir() else [path]
        if not inside:
            reads = "".join(f"\n  {line}" for line in wanted)
            raise LaffError(
                f"{path} holds no annotation file ({', '.join(sorted(ENDINGS))}){':' if reads else ''}{reads}"
            )
        for file in inside:
            source = look(file)
            source.folder = path if path.is_dir() else path.parent
            seen.setdefault(file.resolve(), source)
    return Sources(list(seen.values()))


def _inside(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in ENDINGS:
                yield Path(root) / name


def look(path: Path) -> Source:
    """What kind of file it is; LaffError where it cannot be read."""
    ending = path.suffix.lower()
    if ending in (".pkl", ".pickle"):
        return Source(path, "pickle")
    if ending == ".xml":
        return Source(path, "xml")
    lines = [line for line in head(path).splitlines() if line.strip()][:LINES]
    first = lines[0].lstrip() if lines else ""
    if ending == ".jsonl" or (ending == ".json" and len(lines) > 1 and _objects(lines[:2])):
        return Source(path, "jsonl")
    if ending == ".json" or (first[:1] in "{[" and first and ending not in (".csv", ".tsv", ".txt")):
        return Source(path, "json")
    if ending in (".csv", ".tsv") and "://" not in first:  # TGIF's table has no header, and begins with a URL
        return Source(path, "table", tuple(cells(first)))
    if any(CAPTION.match(line) for line in lines):
        return Source(path, "captions")
    if "\t" in first.strip() or any(len(line.split(maxsplit=1)) > 1 for line in lines):
        return Source(path, "pairs")
    return Source(path, "ids")


def head(path: Path) -> str:
    """The beginning of a file as text; LaffError where it cannot be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(HEAD)
    except OSError as error:
        raise LaffError(f"{path}: cannot be read: {error.strerror}") from None
    encoding = next(encoding for mark, encoding in MARKS if raw.startswith(mark))
    return raw.decode(encoding, "replace")


def _objects(lines: Sequence[str]) -> bool:
    """Whether each line is an object of its own."""
    return all(line.strip().startswith("{") and line.strip().endswith("}") for line in lines)
