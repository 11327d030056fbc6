"""How the collections of two workspaces differ: videos and captions that were added, removed, changed or moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.difference.side import Side
from pipeline.errors import printable
from pipeline.files import JsonObject
from pipeline.items.catalog import Catalog, was_read
from pipeline.items.splits import SPLITS

SHOWN = 3  # ids of a kind that are named in words


@dataclass(frozen=True)
class Items:
    """The videos or the captions of two collections: how many each has, and the ids of those that differ."""

    first: int
    second: int
    removed: list[str] = field(default_factory=list)  # only the first side has them
    added: list[str] = field(default_factory=list)  # only the second side has them
    changed: list[str] = field(default_factory=list)  # of other files, windows or texts
    moved: list[str] = field(default_factory=list)  # in another split

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.removed or self.added or self.changed or self.moved)

    def as_json(self) -> JsonObject:
        """The items for programs, with all ids."""
        kinds = {"removed": self.removed, "added": self.added, "changed": self.changed, "moved": self.moved}
        return {"a": self.first, "b": self.second, **kinds}


def differing(first: Side, second: Side) -> dict[str, Items]:
    """{"video": …, "text": …}: how the videos and captions of two sides differ."""
    one, other = first.catalog, second.catalog
    return {"video": _videos(one, other), "text": _captions(one, other)}


def alike(one: Catalog, other: Catalog, side: str) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the items that both catalogs have with the same content, in both: [n], [n]."""
    ids, row_of = (one.videos, other.row) if side == "video" else (one.captions, _rows(other.captions))
    same = _same_video if side == "video" else _same_caption
    pairs = [
        (at, row) for at, id_ in enumerate(ids) if (row := row_of.get(id_)) is not None and same(one, at, other, row)
    ]
    rows = np.array(pairs, np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def _rows(ids: Sequence[str]) -> dict[str, int]:
    return {id_: row for row, id_ in enumerate(ids)}


def _same_video(one: Catalog, row: int, other: Catalog, there: int) -> bool:
    """Whether two videos have the same content and window, as far as both files were read."""
    digests = one.digests[row], other.digests[there]
    known = all(map(was_read, digests))
    bounds = (one.starts[row], one.ends[row]) == (other.starts[there], other.ends[there])
    return bool(bounds) and (not known or digests[0] == digests[1])


def _same_caption(one: Catalog, row: int, other: Catalog, there: int) -> bool:
    return one.texts[row] == other.texts[there]


def _videos(one: Catalog, other: Catalog) -> Items:
    shared = [(row, other.row[id_]) for row, id_ in enumerate(one.videos) if id_ in other.row]
    return Items(
        len(one.videos),
        len(other.videos),
        [id_ for id_ in one.videos if id_ not in other.row],
        [id_ for id_ in other.videos if id_ not in one.row],
        [one.videos[row] for row, there in shared if not _same_video(one, row, other, there)],
        [one.videos[row] for row, there in shared if _split(one, row) != _split(other, there)],
    )


def _captions(one: Catalog, other: Catalog) -> Items:
    """Captions whose text differs, or that belong to another video, are changed."""
    here, there = _rows(one.captions), _rows(other.captions)
    changed = [
        id_
        for id_, row in here.items()
        if id_ in there
        and not (_same_caption(one, row, other, there[id_]) and _described(one, row) == _described(other, there[id_]))
    ]
    return Items(
        len(here),
        len(there),
        [id_ for id_ in here if id_ not in there],
        [id_ for id_ in there if id_ not in here],
        changed,
    )


def _split(catalog: Catalog, row: int) -> str:
    return SPLITS[int(catalog.video_split[row])]


def _described(catalog: Catalog, row: int) -> str:
    """The video of a caption; '' for a query."""
    video = int(catalog.caption_video[row])
    return catalog.videos[video] if video >= 0 else ""


def in_words(items: Mapping[str, Items]) -> list[str]:
    """Lines on what differs."""
    lines = []
    for side, what in (("video", "videos"), ("text", "captions")):
        one = items[side]
        kinds = {
            "only in A": one.removed,
            "only in B": one.added,
            "changed": one.changed,
            "in another split": one.moved,
        }
        texts = [f"{len(ids):,} {kind} ({_some(ids)})" for kind, ids in kinds.items() if ids]
        counts = f"{one.first:,}" if one.first == one.second else f"{one.first:,} and {one.second:,}"
        lines += [f"{what}: {counts}; {'; '.join(texts)}"] if texts else []
    return lines


def _some(ids: Sequence[str]) -> str:
    return ", ".join(map(printable, ids[:SHOWN])) + (", …" if len(ids) > SHOWN else "")
