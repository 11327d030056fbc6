"""A data set read by a protocol: the videos and captions of each split, ready to be written as a collection."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

SPLITS = ("train", "val", "test")


class Caption(NamedTuple):
    """One sentence of one video, as an annotation file has it."""

    video: str
    number: str  # what tells it from the other captions of its video
    text: str
    line: int = 0  # in its file; 0 where the file has no lines


@dataclass(frozen=True)
class Counts:
    """The numbers of a split as they were published; None where none is known."""

    videos: int | None = None
    captions: int | None = None
    each: int | None = None  # captions of each video
    origin: str = "as published"  # where the number of videos comes from
    unchecked: tuple[str, ...] = ()  # "videos", "captions": numbers quoted from others, not counted in official files


@dataclass(frozen=True)
class Counted:
    """Something else that is counted: shots, or the topics of an edition."""

    of: str  # what they belong to: a split, an edition
    what: str  # in words, several of them: shots
    number: int
    expected: int | None  # as published; None where nothing is known
    unchecked: bool = False  # whether the number is quoted from others
    ahead: bool = False  # whether its line stands before those of the splits


@dataclass
class Prepared:
    """What the collection will hold."""

    ids: dict[str, list[str]] = field(default_factory=lambda: {split: [] for split in SPLITS})
    captions: dict[str, list[Caption]] = field(default_factory=lambda: {split: [] for split in SPLITS})
    queries: list[tuple[str, str]] = field(default_factory=list)  # (id, text) of test, without a known answer
    val_is_test: bool = False  # the videos of test choose the best epoch, too; val is empty then
    counts: Mapping[str, Counts] | None = None  # the published numbers after choices; None: those of the protocol
    files: dict[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # video -> further names of its file, without ending
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)  # video -> seconds of its file that it is
    part_of: dict[str, str] = field(
        default_factory=dict
    )  # item -> the video that it is a part of, if it has another id
    keys: dict[str, Any] = field(default_factory=dict)  # further keys of the collection.yaml, such as `windows`
    videos: Path | None = None  # their folder, where the annotations lie among them
    items: str = "videos"  # what the ids are of, in words
    counted: list[Counted] = field(default_factory=list)  # what else is compared with published numbers
    choice: str = ""  # what was chosen beside the protocol, in words
    notes: list[str] = field(default_factory=list)  # remarks that are no mistakes, a line each

    def video(self, item: str) -> str:
        """The video whose file an item is, or is a part of."""
        return self.part_of.get(item, item)

    def take(self, split: str, videos: Iterable[str], captions: Mapping[str, Sequence[Caption]]) -> None:
        """Give a split these videos, in this order, with the captions of each."""
        self.ids[split] = list(videos)
        self.captions[split] = [caption for video in self.ids[split] for caption in captions.get(video, ())]
