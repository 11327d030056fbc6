"""The ingest's table: every video and caption, its digest, its split, its shard."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline import files
from pipeline.collection import SPLITS, Collection
from pipeline.errors import LaffError

PENDING = "pending:"  # digest of a file that is new or changed and not read yet (a plan reads no videos)


@dataclass
class Catalog:
    """Columns of the table; rows are in the order in which items were first ingested."""

    videos: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)  # "" where features are imported
    digests: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    mtimes: list[int] = field(default_factory=list)  # nanoseconds
    video_split: list[int] = field(default_factory=list)  # index into SPLITS
    video_shard: list[int] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    caption_video: list[int] = field(default_factory=list)  # row of the caption's video
    caption_shard: list[int] = field(default_factory=list)

    @cached_property
    def row(self) -> dict[str, int]:
        """Video id -> row."""
        return {video: row for row, video in enumerate(self.videos)}

    def split_videos(self, split: str) -> np.ndarray:
        """Rows of a split's videos."""
        return np.flatnonzero(np.asarray(self.video_split, dtype=np.int64) == SPLITS.index(split))

    def split_captions(self, split: str) -> np.ndarray:
        """Rows of a split's captions."""
        of_video = np.asarray(self.video_split, dtype=np.int64)
        return np.flatnonzero(of_video[np.asarray(self.caption_video, dtype=np.int64)] == SPLITS.index(split))

    @cached_property
    def _shard_rows(self) -> dict[str, list[np.ndarray]]:
        rows = {}
        for side, shards in (("video", self.video_shard), ("text", self.caption_shard)):
            shard = np.asarray(shards, dtype=np.int64)
            order = np.argsort(shard, kind="stable")
            rows[side] = np.split(order, np.searchsorted(shard[order], np.arange(1, shard.max(initial=-1) + 1)))
        return rows

    def shards(self, side: str) -> list[np.ndarray]:
        """Rows of each shard's items, by shard number; emptied shards have no rows."""
        return self._shard_rows[side]

    def ids(self, side: str, rows: Iterable[int]) -> list[str]:
        """Video or caption ids of rows."""
        column = self.videos if side == "video" else self.captions
        return [column[row] for row in rows]

    def content(self, side: str, rows: np.ndarray) -> str:
        """Digest of what items are: ids with file digests, or ids with texts."""
        if side == "video":
            return files.digest([[self.videos[r], self.digests[r]] for r in rows])
        return files.digest([[self.captions[r], self.texts[r]] for r in rows])

    @cached_property
    def split_content(self) -> dict[str, str]:
        """Digest of each split: its videos and its captions."""
        return {
            split: files.digest(
                [self.content("video", self.split_videos(split)), self.content("text", self.split_captions(split))]
            )
            for split in SPLITS
        }


def refresh(
    collection: Collection,
    old: Catalog,
    shard_videos: int,
    shard_captions: int,
    read: Callable[[Path], str] | None,
) -> tuple[Catalog, list[str]]:
    """The table of `collection`: known items stay in their shards, new ones open new shards.

    `read` gives the digest of a file that is new or has another size or mtime; None leaves it pending.
    Returns the table and what changed, in words.
    """
    new = Catalog()
    order = {video: row for row, video in enumerate(old.videos)}
    split_of = {video: SPLITS.index(split) for split in SPLITS for video in collection.ids[split]}
    ids = sorted(split_of, key=lambda video: order.get(video, len(order)))  # stable: new ones in the lists' order
    kept_shards = 1 + max(old.video_shard, default=-1)
    added, changed = [], []
    for video in ids:
        was = order.get(video)
        path = str(collection.files[video]) if collection.has_videos else ""
        size, mtime = _stat(path)
        same = was is not None and old.paths[was] != "" and (old.sizes[was], old.mtimes[was]) == (size, mtime)
        if was is None:
            added.append(video)
        if path == "":
            digest = ""
        elif same and was is not None and not old.digests[was].startswith(PENDING):
            digest = old.digests[was]
        else:
            digest = read(Path(path)) if read else f"{PENDING}{size}:{mtime}"
            if was is not None and digest != old.digests[was]:
                changed.append(video)
        new.videos.append(video)
        new.paths.append(path)
        new.digests.append(digest)
        new.sizes.append(size)
        new.mtimes.append(mtime)
        new.video_split.append(split_of[video])
        shard = old.video_shard[was] if was is not None else kept_shards + (len(added) - 1) // shard_videos
        new.video_shard.append(shard)
    changes = _changes("video", added, changed, [v for v in old.videos if v not in split_of], not old.videos)
    changes += _refresh_captions(collection, old, new, shard_captions)
    moved = [v for v in ids if v in order and old.video_split[order[v]] != split_of[v]]
    if moved:
        changes.append(f"{len(moved)} video(s) moved to another split ({_some(moved)})")
    return new, changes


def _stat(path: str) -> tuple[int, int]:
    if not path:
        return 0, 0
    try:
        status = Path(path).stat()
    except OSError as error:
        raise LaffError(f"{path}: cannot be read: {error.strerror}") from None
    return status.st_size, status.st_mtime_ns


def _refresh_captions(collection: Collection, old: Catalog, new: Catalog, per_shard: int) -> list[str]:
    order = {caption: row for row, caption in enumerate(old.captions)}
    captions = [caption for split in SPLITS for caption in collection.captions[split]]
    captions.sort(key=lambda caption: order.get(caption.id, len(order)))
    kept_shards = 1 + max(old.caption_shard, default=-1)
    added, changed = [], []
    for caption in captions:
        was = order.get(caption.id)
        if was is None:
            added.append(caption.id)
        elif old.texts[was] != caption.text:
            changed.append(caption.id)
        new.captions.append(caption.id)
        new.texts.append(caption.text)
        new.caption_video.append(new.row[caption.video])
        new.caption_shard.append(
            old.caption_shard[was] if was is not None else kept_shards + (len(added) - 1) // per_shard
        )
    present = set(new.captions)
    return _changes("caption", added, changed, [c for c in old.captions if c not in present], not old.captions)


def _changes(what: str, added: Sequence[str], changed: Sequence[str], gone: Sequence[str], first: bool) -> list[str]:
    if first:
        return []  # everything is new on the first ingest: no news
    kinds = (("new", added), ("changed", changed), ("gone", gone))
    return [f"{len(some)} {what}(s) {kind} ({_some(some)})" for kind, some in kinds if some]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
