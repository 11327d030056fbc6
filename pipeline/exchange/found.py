"""What an import finds: files of features with ids and widths, features made of them, lists, captions, word vectors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Side = Literal["video", "text"]
Level = Literal["video", "frame"]


@dataclass(frozen=True)
class Part:
    """One file of a feature, or one array of a file; only its header and its ids were read."""

    path: Path
    width: int
    ids: Sequence[str]  # of its rows
    form: str  # what the file is, in words
    array: str = ""  # of a file with several arrays; "" where there is only one
    id_array: str = ""  # the array of ids; "" where it has the usual name
    frames: bool = False  # whether the file itself says that its rows are of frames; `ids` are those of videos then
    collection: str = ""  # the collection of the tree that it lies in
    prefix: str = ""  # what its ids begin with in a collection that is made of several
    of: str = ""  # the one of these that its ids are of, by name


@dataclass(frozen=True)
class FileSet:
    """A feature: the files of one name, such as one for each split."""

    name: str  # as the tree or the file calls it
    parts: Sequence[Part]
    side: Side | None = None  # where the place says it
    joined: Sequence[str] = ()  # the names of the features that it was put together of, where there were several
    aside: bool = False  # whether all of them lie in collections of the tree that are no split


@dataclass
class Feature:
    """A feature that fits the collection."""

    stage: str  # the name of its stage
    files: FileSet  # the parts that are used
    side: Side
    level: Level
    covered: int = 0  # videos or captions of the collection that have a row

    @property
    def width(self) -> int:
        """D of its rows."""
        return self.files.parts[0].width


@dataclass(frozen=True)
class ItemSet:
    """A named list of videos, with captions, without, or captions alone."""

    name: str
    collection: str  # the collection of the tree that has it
    ids: Path | None = None
    captions: Path | None = None


@dataclass
class Contents:
    """All that was found under the paths of one import."""

    features: list[FileSet] = field(default_factory=list)
    sets: list[ItemSet] = field(default_factory=list)
    words: list[Part] = field(default_factory=list)  # word vectors, whose ids are words
    skipped: set[str] = field(default_factory=set)  # names of features that were left out, as asked for
    notes: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)  # what each path was taken for
    name: str = ""  # of the tree
