"""The rows of a feature for chosen items, streamed from its shards in any order; each shard's bytes are checked."""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import LaffError
from pipeline.exporting.chosen import Chosen
from pipeline.exporting.heads import read_head
from pipeline.plan.context import Context
from pipeline.rows import container, shards

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

AT_ONCE = 1 << 24  # bytes of rows in memory at once
OPEN = 4  # shards that are open at once
OWN = ("content",)  # attributes that say what one shard holds


@dataclass(frozen=True)
class Item:
    """An item without a row, and why."""

    id: str
    reason: str


class Table:
    """Rows [R, D] of the items that have any, in the order that was asked for."""

    def __init__(self, context: Context, chosen: Chosen, rows: np.ndarray, tick: Callable[[int], object]) -> None:
        """Read the heads of the shards.

        rows: catalog rows of items; tick: called with the number of items that were given out.
        LaffError where shards are damaged or don't fit each other, or no item has a row.
        """
        self.name, self.chosen, self._tick = chosen.name, chosen, tick
        self.side = chosen.side
        catalog = context.catalog
        every = np.asarray(catalog.video_shard if self.side == "video" else catalog.caption_shard, np.int64)
        shard_of = every[rows]
        folder = context.work.folder(chosen.stage.name)
        self._heads = {int(number): read_head(folder / chosen.key(int(number))) for number in np.unique(shard_of)}
        self.ids: list[str] = []  # [V] of the items with rows
        self.paths: list[str] = []  # [V] of their videos' files; "" where there is none, and for captions
        self.missing: list[Item] = []
        places: list[tuple[int, int]] = []
        for item, number in zip(rows.tolist(), shard_of.tolist(), strict=True):
            id_ = catalog.videos[item] if self.side == "video" else catalog.captions[item]
            head = self._heads[number]
            if (row := head.row_of.get(id_)) is None:
                self.missing.append(Item(id_, head.failed.get(id_, "it has no row")))
            else:
                self.ids.append(id_)
                self.paths.append(catalog.paths[item] if self.side == "video" else "")
                places.append((number, row))
        tick(len(self.missing))
        used = [head for head in self._heads.values() if head.row_of]
        if not places:
            raise LaffError(f"{self.name}: none of the {len(rows)} items has a row, so there is nothing to export")
        if len({(len(head.shape), head.shape[-1], head.offset < 0) for head in used}) > 1:
            raise LaffError(f"{self.name}: its shards have rows of different widths; `laff verify` checks them")
        self.width = int(used[0].shape[-1])
        self.sparse = used[0].offset < 0
        self.dtype = np.result_type(*(head.dtype for head in used))
        self._shards, self._rows = (np.array(column, np.int64) for column in zip(*places, strict=True))
        lengths = [int(self._heads[shard].lengths[row]) for shard, row in places]
        self.frames = len(used[0].shape) == 2
        self.starts = np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.int64)  # [V + 1]
        self._open: OrderedDict[int, Any] = OrderedDict()

    @property
    def count(self) -> int:
        """R: the number of frames, or of items."""
        return int(self.starts[-1]) if self.frames else len(self.ids)

    @property
    def level(self) -> str:
        """What a row is of: a frame, or a video or caption."""
        return "frame" if self.frames else "video"

    def about(self) -> dict[str, Any]:
        """What the shards say of themselves; of what differs between them a list of all."""
        values: dict[str, list[Any]] = {}
        for head in self._heads.values():
            for name, text in head.about.items():
                value = json.loads(text) if isinstance(text, str) and text.startswith(("{", "[")) else text
                if name not in OWN and value not in values.setdefault(name, []):
                    values[name].append(value)
        return {name: different[0] if len(different) == 1 else different for name, different in sorted(values.items())}

    def cast(self, dtype: np.dtype) -> None:
        """Give out rows of this number type from now on."""
        self.dtype = dtype

    def blocks(self) -> Iterator[np.ndarray]:
        """All rows in order, in blocks [n, D]; sparse rows become dense."""
        for first, last in self._spans():
            yield self._block(first, last).astype(self.dtype, copy=False)
            self._tick(last - first)

    def items(self) -> Iterator[tuple[str, np.ndarray]]:
        """Each item with its rows: [D], or of frames [T, D]."""
        for first, last in self._spans():
            block = self._block(first, last)
            for place in range(first, last):
                begin, end = self._bounds(place, first)
                yield self.ids[place], (block[begin:end] if self.frames else block[begin])
            self._tick(last - first)

    def csr(self, number: int = 0, passes: int = 1) -> Iterator["csr_matrix"]:
        """All rows in order, in sparse blocks; only of a sparse feature.

        number, passes: which pass over the rows this is, from 0, and of how many, which together give each out once.
        """
        before = number * len(self.ids)
        for first, last in self._spans():
            yield self._sparse_block(first, last)
            self._tick((before + last) // passes - (before + first) // passes)

    def _bounds(self, place: int, first: int) -> tuple[int, int]:
        """The rows of an item within a block that begins with item `first`."""
        if not self.frames:
            return place - first, place - first + 1
        return int(self.starts[place] - self.starts[first]), int(self.starts[place + 1] - self.starts[first])

    def _spans(self) -> Iterator[tuple[int, int]]:
        """Items that are given out together."""
        longest = max(head.shape[0] for head in self._heads.values() if head.row_of) if self.frames else 1
        step = max(1, AT_ONCE // (longest * self.width * max(4, self.dtype.itemsize)))
        for first in range(0, len(self.ids), step):
            yield first, min(len(self.ids), first + step)

    def _block(self, first: int, last: int) -> np.ndarray:
        """The rows of some items, [n, D]."""
        if self.sparse:
            block: np.ndarray = self._sparse_block(first, last).toarray()
            return block
        shards_here, rows = self._shards[first:last], self._rows[first:last]
        if self.frames:
            lengths = np.diff(self.starts[first : last + 1]).tolist()
            parts = [
                self._values(shard)[row, :length]
                for shard, row, length in zip(shards_here.tolist(), rows.tolist(), lengths, strict=True)
            ]
            return np.concatenate(parts)
        block = np.empty((last - first, self.width), self.dtype)
        for shard in np.unique(shards_here).tolist():
            places = np.flatnonzero(shards_here == shard)
            block[places] = self._values(shard)[rows[places]]
        return block

    def _sparse_block(self, first: int, last: int) -> "csr_matrix":
        from scipy.sparse import csr_matrix, vstack

        shards_here, rows = self._shards[first:last], self._rows[first:last]
        used = np.unique(shards_here).tolist()
        stacked = csr_matrix(vstack([self._values(shard)[rows[shards_here == shard]] for shard in used]))
        order = np.concatenate([np.flatnonzero(shards_here == shard) for shard in used])
        return stacked[np.argsort(order)]

    def _values(self, shard: int) -> Any:
        """The rows of a shard: mapped from the disk, or sparse in memory. LaffError where its bytes have changed."""
        if shard in self._open:
            self._open.move_to_end(shard)
            return self._open[shard]
        head = self._heads[shard]
        if self.sparse:
            values: Any = shards.read(head.path).values
        else:
            if wrong := container.check(head.path):
                raise LaffError(f"{head.path}: {wrong}; `laff verify` sets it aside, the next run makes it again")
            shape = (len(head.row_of), *head.shape)
            values = np.memmap(head.path, head.dtype, "r", head.offset, shape)
        self._open[shard] = values
        while len(self._open) > OPEN:
            self._open.popitem(last=False)
        return values
