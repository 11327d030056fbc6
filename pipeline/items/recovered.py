"""A table that was lost, made again from the shards of a workspace, which say what items they hold."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.items.catalog import Catalog
from pipeline.items.collection import Collection
from pipeline.items.splits import SPLITS
from pipeline.rows import shards

SHARD = "[0-9][0-9][0-9][0-9][0-9]*.h5"

Members = dict[int, list[str]]
"""{shard: its items in order}"""


def recovered(root: Path, collection: Collection) -> Catalog:
    """A table of the listed items that stand in shards below `root`, in their order; empty where there are none.

    Of each item it knows its id, its split and its shard: its file is to be read, its caption to be looked up.
    """
    split_of = {id_: number for number, split in enumerate(SPLITS) for id_ in collection.ids[split]}
    texts = [*(collection.captions[split] for split in SPLITS), collection.queries]
    captions = {id_: row for row, id_ in enumerate(id_ for part in texts for id_ in part.ids)}
    rank = {"video": {id_: row for row, id_ in enumerate(split_of)}, "text": captions}
    folders: dict[str, list[Members]] = {"video": [], "text": []}
    for paths in _folders(root):
        items = {int(path.stem): _items_of(path) for path in paths}
        names = {id_ for ids, failed in items.values() for id_ in ids + failed}
        side = max(rank, key=lambda side: len(names & rank[side].keys()))
        folders[side].append({number: _members(*both, rank[side]) for number, both in items.items()})
    videos, video_shard = _placed(folders["video"])
    captions_, caption_shard = _placed(folders["text"])
    zeros = np.zeros(len(videos), dtype=np.int64)
    return Catalog(
        videos=videos,
        paths=[""] * len(videos),
        digests=[""] * len(videos),
        sizes=zeros,
        mtimes=zeros,
        video_split=np.array([split_of[id_] for id_ in videos], dtype=np.int64),
        video_shard=video_shard,
        captions=captions_,
        texts=[""] * len(captions_),
        caption_video=np.zeros(len(captions_), dtype=np.int64),
        caption_shard=caption_shard,
    )


def _folders(root: Path) -> Iterator[list[Path]]:
    """The shards of each feature, of one side."""
    folders = {path.parent for inner in ("*", "*/video", "*/text") for path in root.glob(f"{inner}/{SHARD}")}
    for folder in sorted(folders):
        yield sorted(folder.glob(SHARD))


def _items_of(path: Path) -> tuple[list[str], list[str]]:
    """Ids of a shard's items in order, and ids whose place in it is not known; both empty if it cannot be read."""
    try:
        members = shards.read_members(path)
        if members is not None:
            return members, []
        return shards.read_ids(path), [line["video"] for line in shards.read_failed(path)]
    except (OSError, KeyError, ValueError):
        return [], []


def _members(ids: list[str], failed: list[str], rank: dict[str, int]) -> list[str]:
    """The listed items of a shard in order. A failed one, whose place is lost, goes where the collection lists it."""
    members = [id_ for id_ in ids if id_ in rank]
    for id_ in sorted({id_ for id_ in failed if id_ in rank}.difference(members), key=rank.__getitem__):
        place = next((n for n, other in enumerate(members) if rank[other] > rank[id_]), len(members))
        members.insert(place, id_)
    return members


def _placed(folders: list[Members]) -> tuple[list[str], np.ndarray]:
    """Ids [n] in the order of the table, and their shards [n] int64.

    The feature with most items comes first: decode, which fails on a video that others then leave out. An item
    that was removed and came back has gone to a later shard.
    """
    shard_of: dict[str, int] = {}
    place: dict[str, int] = {}
    for members in sorted(folders, key=lambda by_shard: -sum(map(len, by_shard.values()))):
        here = {id_: number for number in sorted(members) for id_ in members[number]}
        new = here.keys() - shard_of.keys()
        for number, ids in members.items():
            for at, id_ in enumerate(ids):
                if id_ in new and here[id_] == number:
                    shard_of[id_], place[id_] = number, at
    ids = sorted(shard_of, key=lambda id_: (shard_of[id_], place[id_]))
    return ids, np.array([shard_of[id_] for id_ in ids], dtype=np.int64)
