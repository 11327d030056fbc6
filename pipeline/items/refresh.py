"""Update the catalog to the collection as it is now, column by column, and say what changed."""

import os
from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np

from pipeline.items.catalog import LOST, PENDING, Catalog, was_read, whole
from pipeline.items.collection import Collection
from pipeline.items.splits import SPLITS
from pipeline.items.windows import WHOLE, Window
from pipeline.wording import number_of


def refresh(
    collection: Collection,
    old: Catalog,
    shard_videos: int,
    shard_captions: int,
    read: Callable[[list[str]], list[str]] | None,
) -> tuple[Catalog, list[str]]:
    """The new table of `collection`, and what changed, in words.

    Known items stay in their shards; new ones get new shards.

    read: gives the digests of the files that are new or have another size or mtime. If it is None, no file is read:
    files that are new or have another size are pending, and files with only another mtime count as unchanged (see
    `dated`).
    """
    listed = [video for split in SPLITS for video in collection.ids[split]]
    order, old_rows = _order(listed, old.videos)
    known = old_rows >= 0
    new = Catalog(videos=_take(listed, order), aliases={"val": "test"} if collection.val_is_test else {})
    new.video_split = np.repeat(np.arange(len(SPLITS)), [len(collection.ids[split]) for split in SPLITS])[order]
    new.paths = [collection.files[video] for video in new.videos] if collection.has_videos else [""] * len(order)
    new.starts, new.ends = _bounds(new.videos, collection.windows)
    new.video_shard = _shards(old_rows, old.video_shard, shard_videos, new.paths if collection.windows else ())
    new.sizes, new.mtimes = _stat(new.paths)
    differs = _digest(new, old, old_rows, read)
    changed = _take(new.videos, differs) if collection.has_videos else []
    gone = _gone(old_rows, len(old.videos))
    changes = _changes("video", _take(new.videos, np.flatnonzero(~known)), changed, _take(old.videos, gone), old.videos)
    shards = [old.video_shard[gone], new.video_shard[differs]]
    new.contents = _untouched(old, "video", np.concatenate(shards))

    changes += _refresh_captions(collection, old, new, shard_captions)
    moved = _take(new.videos, np.flatnonzero(known)[old.video_split[old_rows[known]] != new.video_split[known]])
    if moved:
        changes.append(f"{number_of(moved, 'videos')} moved to another split ({_some(moved)})")
    if old.videos and new.aliases != old.aliases:
        changes.append("val has the videos of test" if new.aliases else "val has videos of its own")
    if not changes and not len(differs):
        new.contents |= old.contents  # also the digests of the splits
    return new, changes


def dated(new: Catalog, old: Catalog) -> list[int]:
    """Rows of `new` whose files have another mtime but the same size; `refresh` made `new` of `old` without reading."""
    _, old_rows = _order(new.videos, old.videos)
    known = np.flatnonzero(old_rows >= 0)
    other = known[(new.mtimes[known] != old.mtimes[old_rows[known]]) & (new.sizes[known] == old.sizes[old_rows[known]])]
    return [row for row in other.tolist() if not new.digests[row].startswith(PENDING)]


def settle(old: Catalog, new: Catalog, rows: Sequence[int], digests: Sequence[str]) -> None:
    """Note in `old` the result of reading the `dated` rows of `new`: `digests` of their files.

    A file with the same content gets its new mtime in `old`. Changed files get size -1 in `old`, so the next refresh
    sees them as changed. For files that cannot be read nothing changes.
    """
    for row, digest in zip(rows, digests, strict=True):
        before = old.row[new.videos[row]]
        if digest == old.digests[before]:
            old.mtimes[before] = new.mtimes[row]
        elif digest != LOST:
            old.sizes[before] = -1


def _refresh_captions(collection: Collection, old: Catalog, new: Catalog, per_shard: int) -> list[str]:
    parts = [*(collection.captions[split] for split in SPLITS), collection.queries]
    order, old_rows = _order([id_ for part in parts for id_ in part.ids], old.captions)
    new.captions = _take([id_ for part in parts for id_ in part.ids], order)
    new.texts = _take([text for part in parts for text in part.texts], order)
    videos = [video for part in parts for video in part.videos]
    of = new.row | {"": -1}  # no id is empty: queries have no video
    new.caption_video = np.fromiter(map(of.__getitem__, videos), np.int64, len(videos))[order]
    new.caption_shard = _shards(old_rows, old.caption_shard, per_shard)
    known = np.flatnonzero(old_rows >= 0)
    pairs = zip(known.tolist(), old_rows[known].tolist(), strict=True)
    differs = np.array([row for row, before in pairs if new.texts[row] != old.texts[before]], dtype=np.int64)
    gone = _gone(old_rows, len(old.captions))
    asks = new.caption_video < 0
    turned = known[asks[known] != (old.caption_video[old_rows[known]] < 0)]
    shards = [old.caption_shard[gone], new.caption_shard[differs]]
    new.contents |= _untouched(old, "text", np.concatenate(shards))
    added = _take(new.captions, np.flatnonzero(old_rows < 0))
    changes = _changes("caption", added, _take(new.captions, differs), _take(old.captions, gone), old.videos)
    if len(turned):
        changes.append(
            f"{number_of(turned, 'captions')} turned into queries of no video, or back "
            f"({_some(_take(new.captions, turned))})"
        )
    return changes


def _order(names: list[str], before: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The order in which `names` enter the table, and for each its old row (-1: new). New ones come last.

    names: [n]; before: the names of the old table. Returns [n] int64 indices into `names`, and [n] int64 old rows in
    this order.
    """
    if names == before:
        return np.arange(len(names)), np.arange(len(names))
    row = {name: number for number, name in enumerate(before)}
    old_rows = np.fromiter((row.get(name, -1) for name in names), np.int64, len(names))
    order = np.argsort(np.where(old_rows < 0, len(before), old_rows), kind="stable")
    return order, old_rows[order]


def _take(column: Sequence[str], rows: np.ndarray) -> list[str]:
    return [column[row] for row in rows.tolist()]


def _gone(old_rows: np.ndarray, count: int) -> np.ndarray:
    """Old rows whose items are gone."""
    left = np.ones(count, dtype=bool)
    left[old_rows[old_rows >= 0]] = False
    return np.flatnonzero(left)


def _shards(old_rows: np.ndarray, old: np.ndarray, size: int, files: Sequence[str] = ()) -> np.ndarray:
    """The shard of each item [n] int64: known items keep theirs; new ones fill new shards of `size` after the last.

    files: the file of each item, if several items may be windows of one file; else (). Windows of one file go into the
    same shard if they fit, so that the file is decoded once.
    """
    first = 1 + old.max(initial=-1)
    new = old_rows < 0
    shard = np.empty(len(old_rows), dtype=np.int64)
    shard[~new] = old[old_rows[~new]]
    if not files:
        shard[new] = first + np.arange(np.count_nonzero(new)) // size
        return shard
    place = 0  # the next free place, counted over all new shards
    for _, together in groupby(np.flatnonzero(new).tolist(), files.__getitem__):
        rows = list(together)
        if -place % size < len(rows) <= size:
            place += -place % size
        shard[rows] = first + np.arange(place, place + len(rows)) // size
        place += len(rows)
    return shard


def _bounds(videos: list[str], windows: dict[str, Window]) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends [n] float64 of items."""
    if not windows:
        return whole(len(videos))
    bounds = np.array([windows.get(video, WHOLE) for video in videos], dtype=np.float64).reshape(-1, 2)
    return bounds[:, 0].copy(), bounds[:, 1].copy()


def _stat(paths: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Sizes [n] in bytes and mtimes [n] in nanoseconds. No path: both 0; a path without a file: size -1, mtime 0."""
    sizes, mtimes = np.zeros((2, len(paths)), dtype=np.int64)
    last, facts = "", (0, 0)  # the windows of one file are next to each other
    for row, path in enumerate(paths):
        if path and path != last:
            try:
                status = os.stat(path)  # noqa: PTH116 - a million Paths take longer than the files' answers
                last, facts = path, (status.st_size, status.st_mtime_ns)
            except OSError:
                last, facts = path, (-1, 0)
        if path:
            sizes[row], mtimes[row] = facts
    return sizes, mtimes


def _digest(
    new: Catalog, old: Catalog, old_rows: np.ndarray, read: Callable[[list[str]], list[str]] | None
) -> np.ndarray:
    """Fill in the digests of `new`. Returns the rows of known videos that changed.

    A file with the same size and mtime keeps its digest; without `read`, the same size is enough. A file that was read
    before and is gone, or is not readable now, keeps its digest too: the results made from it can still be used.
    """
    finished = np.fromiter((was_read(d) for d in old.digests), bool, len(old.digests))
    same = old_rows >= 0
    kept = old_rows[same]
    same[same] = finished[kept] & (old.sizes[kept] == new.sizes[same])
    if read:
        kept = old_rows[same]
        same[same] = old.mtimes[kept] == new.mtimes[same]
    new.digests = [
        old.digests[before] if keeps else "" for before, keeps in zip(old_rows.tolist(), same.tolist(), strict=True)
    ]
    unknown = [row for row in np.flatnonzero(~same).tolist() if new.paths[row]]
    asked = [row for row in unknown if new.sizes[row] >= 0 and os.access(new.paths[row], os.R_OK)]
    for row in unknown:
        new.digests[row] = LOST
    if read:
        digests = read([new.paths[row] for row in asked])
    else:
        digests = [f"{PENDING}{new.sizes[row]}:{new.mtimes[row]}" for row in asked]
    for row, digest in zip(asked, digests, strict=True):
        new.digests[row] = digest
    for row in unknown:
        if new.digests[row] == LOST and old_rows[row] >= 0 and finished[old_rows[row]]:
            new.digests[row] = old.digests[old_rows[row]]
            new.sizes[row], new.mtimes[row] = old.sizes[old_rows[row]], old.mtimes[old_rows[row]]
    differs = (old_rows >= 0) & ~same
    for row in np.flatnonzero(differs).tolist():
        differs[row] = new.digests[row] != old.digests[old_rows[row]]
    known = np.flatnonzero(old_rows >= 0)
    differs[known] |= (new.starts[known] != old.starts[old_rows[known]]) | (
        new.ends[known] != old.ends[old_rows[known]]
    )
    return np.flatnonzero(differs)


def _untouched(old: Catalog, side: str, touched: np.ndarray) -> dict[str, str]:
    """The digests in `old` of the shards whose items did not change."""
    left = set(range(1 + (old.video_shard if side == "video" else old.caption_shard).max(initial=-1)))
    names = [f"{side}/{number}" for number in left.difference(touched.tolist())]
    return {name: old.contents[name] for name in names if name in old.contents}


def _changes(
    what: str, added: Sequence[str], changed: Sequence[str], gone: Sequence[str], before: Sequence[str]
) -> list[str]:
    """Changes of captions or videos, in words; before: the videos of the old table."""
    if not before:
        return []  # on the first ingest everything is new, so nothing is reported
    kinds = (("new", added), ("changed", changed), ("gone", gone))
    return [f"{number_of(names, f'{what}s')} {kind} ({_some(names)})" for kind, names in kinds if names]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
