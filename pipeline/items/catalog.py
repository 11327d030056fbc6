"""The ingest's table: every video and caption, its digest, its split, its shard."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from pipeline import files
from pipeline.items.splits import SPLITS

SIDES = ("video", "text")
PENDING = "pending:"  # prefix of the digest of a new or changed file that was not read yet: a plan reads no videos
# Digest if the file is missing or unreadable; the step that opens it reports this, and only this video is lost.
LOST = "no file"
QUERIES = "text/queries"  # the key in `contents` of the queries' digest
CHUNK = 65536  # items whose text is in memory at once while they are digested


def _none() -> np.ndarray:
    return np.zeros(0, dtype=np.int64)


def _unbounded() -> np.ndarray:
    return np.zeros(0)


@dataclass(eq=False)
class Catalog:
    """Columns of the table; rows are in the order in which items were first ingested. Numbers are int64 arrays.

    An item is a video or a window of a video. All windows of one video have the same path and the same digest.
    """

    videos: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)  # "" where features are imported
    digests: list[str] = field(default_factory=list)
    sizes: np.ndarray = field(default_factory=_none)
    mtimes: np.ndarray = field(default_factory=_none)  # nanoseconds
    starts: np.ndarray = field(default_factory=_unbounded)  # [V] float64, seconds; 0 if the item is a whole video
    ends: np.ndarray = field(
        default_factory=_unbounded
    )  # [V] float64, seconds, exclusive; inf if the item is a whole video
    video_split: np.ndarray = field(default_factory=_none)  # index into SPLITS
    video_shard: np.ndarray = field(default_factory=_none)
    captions: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    caption_video: np.ndarray = field(default_factory=_none)  # row of the caption's video; -1: a query without a video
    caption_shard: np.ndarray = field(default_factory=_none)
    aliases: dict[str, str] = field(default_factory=dict)  # {"val": "test"} if val has the videos of test
    contents: dict[str, str] = field(default_factory=dict)  # digests already computed, by name: "video/SHARD", …

    def __post_init__(self) -> None:
        """Take items as whole videos if no bounds are given."""
        if not len(self.starts) and not len(self.ends):
            self.starts, self.ends = whole(len(self.videos))

    def __eq__(self, other: object) -> bool:
        """Whether all items are the same. `contents` is not compared, because it is computed from the items."""
        names = [column.name for column in fields(self) if column.name != "contents"]
        return isinstance(other, Catalog) and all(_same(getattr(self, n), getattr(other, n)) for n in names)

    @cached_property
    def row(self) -> dict[str, int]:
        """Map each video id to its row."""
        return {video: row for row, video in enumerate(self.videos)}

    @cached_property
    def unread(self) -> bool:
        """Whether there are videos, none of which was read yet."""
        return bool(self.digests) and all(digest.startswith(PENDING) for digest in self.digests)

    @property
    def unit(self) -> str:
        """What an item is, for a bar that counts them."""
        return "window" if np.isfinite(self.ends).any() else "video"

    def split_number(self, split: str) -> int:
        """The number that `video_split` holds for the videos of a split."""
        return SPLITS.index(self.aliases.get(split, split))

    def split_videos(self, split: str) -> np.ndarray:
        """Rows of a split's videos."""
        return np.flatnonzero(self.video_split == self.split_number(split))

    def split_captions(self, split: str) -> np.ndarray:
        """Rows of the captions that describe a split's videos."""
        described = self.caption_video >= 0
        if not len(self.video_split):
            return np.flatnonzero(described)  # none
        return np.flatnonzero(described & (self.video_split[self.caption_video] == self.split_number(split)))

    def queries(self) -> np.ndarray:
        """Rows of the queries: texts that describe no known video, for which the videos of test are ranked."""
        return np.flatnonzero(self.caption_video < 0)

    @cached_property
    def _shard_rows(self) -> dict[str, list[np.ndarray]]:
        by_side = {}
        for side, shard in (("video", self.video_shard), ("text", self.caption_shard)):
            order = np.argsort(shard, kind="stable")
            by_side[side] = np.split(order, np.searchsorted(shard[order], np.arange(1, shard.max(initial=-1) + 1)))
        return by_side

    def shards(self, side: str) -> list[np.ndarray]:
        """Rows of each shard's items, by shard number; emptied shards have no rows."""
        return self._shard_rows[side]

    def ids(self, side: str, rows: Iterable[int]) -> list[str]:
        """Video or caption ids of rows."""
        column = self.videos if side == "video" else self.captions
        return [column[row] for row in rows]

    def content(self, side: str, rows: np.ndarray) -> str:
        """Digest of items: the ids, file digests and bounds of videos, or the ids and texts of captions."""
        ids, what = (self.videos, self.digests) if side == "video" else (self.captions, self.texts)
        part = self._parts(rows) if side == "video" else {}
        sha256 = hashlib.sha256(b"[")  # in pieces, the files.digest of [[id, what], …]
        for start in range(0, len(rows), CHUNK):
            piece = json.dumps(
                [(ids[row], what[row], *part.get(row, ())) for row in rows[start : start + CHUNK].tolist()],
                ensure_ascii=False,
            )
            sha256.update(f"{', ' if start else ''}{piece[1:-1]}".encode())
        sha256.update(b"]")
        return sha256.hexdigest()

    def _parts(self, rows: np.ndarray) -> dict[int, tuple[float, float]]:
        """{row: (start, end)} of the rows that are windows, in seconds."""
        parts = rows[(self.starts[rows] != 0) | (self.ends[rows] != np.inf)]
        bounds = zip(self.starts[parts].tolist(), self.ends[parts].tolist(), strict=True)
        return dict(zip(parts.tolist(), bounds, strict=True))

    def shard_content(self, side: str, number: int) -> str:
        """Digest of a shard's items."""
        return self._kept(f"{side}/{number}", side, self.shards(side)[number])

    def split_side(self, side: str, split: str) -> str:
        """Digest of a split's videos, or of its captions."""
        name = f"{side}/{split}"
        if name in self.contents:
            return self.contents[name]
        return self._kept(name, side, self.split_videos(split) if side == "video" else self.split_captions(split))

    def split_content(self, split: str) -> str:
        """Digest of a split: its videos and their captions."""
        return files.digest([self.split_side(side, split) for side in SIDES])

    def query_content(self) -> str:
        """Digest of the queries, which have no video; '' if there are none."""
        return self._kept(QUERIES, "text", self.queries()) if (self.caption_video < 0).any() else ""

    def digest_all(self) -> None:
        """Fill `contents`, so that a plan of an unchanged collection does not read the items."""
        for side in SIDES:
            for number, rows in enumerate(self.shards(side)):
                if len(rows):
                    self.shard_content(side, number)
            for split in SPLITS:
                self.split_side(side, split)
        self.query_content()

    def _kept(self, name: str, side: str, rows: np.ndarray) -> str:
        if name not in self.contents:
            self.contents[name] = self.content(side, rows)
        return self.contents[name]


def was_read(digest: str) -> bool:
    """Whether `digest` comes from a file that was read."""
    return bool(digest) and digest != LOST and not digest.startswith(PENDING)


def whole(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends [count] float64 of whole videos."""
    return np.zeros(count), np.full(count, np.inf)


def _same(this: Any, other: Any) -> bool:
    return np.array_equal(this, other) if isinstance(this, np.ndarray) else this == other
