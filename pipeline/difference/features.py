"""How the features of two workspaces differ, for the items that both have: by cosine, by value, byte by byte."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.assembly import features
from pipeline.difference import causes, collections
from pipeline.difference.side import Side
from pipeline.errors import LaffError
from pipeline.files import JsonObject

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

SAMPLE = 4096  # items of a feature that are compared, as soon as the shards with them are whole
BLOCK = 512  # rows in memory as dense float64 at once
SIDES = ("video", "text")


@dataclass(frozen=True)
class Feature:
    """One side of a feature in two workspaces. Figures are of the items that were looked at and have rows in both."""

    stage: str
    side: str
    items: int  # that both collections have with the same content
    looked: int  # of these, items that were compared: all, or those of some shards
    first: int  # of those looked at, with a row in the first side
    second: int
    both: int
    equal: int = 0  # byte by byte
    lowest: float | None = None  # cosine of a row and its counterpart
    mean: float | None = None
    largest: float | None = None  # difference of two values, absolute
    same_files: bool = False  # both sides read the same folder
    wrong: str = ""  # why the rows cannot be compared
    causes: list[str] = field(default_factory=list)  # what may explain the difference, the strongest first

    @property
    def same(self) -> bool:
        """Whether all rows that were looked at are equal, and the same items have rows."""
        return self.same_files or (not self.wrong and self.first == self.second == self.both == self.equal)

    def as_json(self) -> JsonObject:
        """The feature for programs."""
        return asdict(self) | {"same": self.same}


def compared(first: Side, second: Side) -> Iterator[Feature]:
    """The features that both sides have made, one side after the other."""
    rows: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name in first.graph.stages:
        if not (name in second.graph.stages and first.has(name) and second.has(name)):
            continue
        for side in SIDES:
            if all(side in one.graph.stages[name].sides for one in (first, second)):
                if side not in rows:
                    rows[side] = collections.alike(first.catalog, second.catalog, side)
                yield _feature(first, second, name, side, *rows[side])


def _feature(first: Side, second: Side, name: str, side: str, here: np.ndarray, there: np.ndarray) -> Feature:
    """A side of a feature, for the rows of both catalogs that hold the same items."""
    if first.work.folder(name).resolve() == second.work.folder(name).resolve():
        return Feature(name, side, len(here), 0, 0, 0, 0, same_files=True)
    chosen = sample(np.asarray(first.catalog.video_shard if side == "video" else first.catalog.caption_shard)[here])
    here_chosen, there_chosen = here[chosen], there[chosen]
    try:
        values, has_row = features.read(first.context, name, side, here_chosen)
        others, has_other = features.read(second.context, name, side, there_chosen)
    except LaffError as error:
        return Feature(name, side, len(here), 0, 0, 0, 0, wrong=str(error))
    both = has_row & has_other
    counts = (len(here), len(chosen), int(has_row.sum()), int(has_other.sum()), int(both.sum()))
    if values.shape[1] != others.shape[1]:
        wrong = f"{values.shape[1]:,} numbers a row and {others.shape[1]:,}"
        return Feature(name, side, *counts, wrong=wrong, causes=causes.of(first, second, name, side))
    found = Feature(name, side, *counts, **_figures(values, others, np.flatnonzero(both)))
    if found.same:
        return found
    return Feature(**{**vars(found), "causes": causes.of(first, second, name, side)})


def sample(shards: np.ndarray) -> np.ndarray:
    """Which of the items to compare, by the shard of each, [n]: places in it. All, or those of evenly spread shards.

    Whole shards are taken, because a shard is read whole, until there are SAMPLE items.
    """
    if len(shards) <= SAMPLE:
        return np.arange(len(shards))
    numbers, sizes = np.unique(shards, return_counts=True)
    wanted = min(len(numbers), max(1, round(SAMPLE / float(sizes.mean()))))
    taken = numbers[np.linspace(0, len(numbers) - 1, wanted).round().astype(np.int64)]
    return np.flatnonzero(np.isin(shards, taken))


def _figures(values: "np.ndarray | csr_matrix", others: "np.ndarray | csr_matrix", rows: np.ndarray) -> dict[str, Any]:
    """The figures of the rows that both have."""
    cosines: list[np.ndarray] = []
    equal, largest = 0, 0.0
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        one, other = _dense(values, block), _dense(others, block)
        alike = (one.view(np.uint32) == other.view(np.uint32)).all(axis=1)
        equal += int(alike.sum())
        one, other = one.astype(np.float64), other.astype(np.float64)
        largest = max(largest, float(np.abs(one - other).max(initial=0.0)))
        cosines.append(np.where(alike, 1.0, cosine(one, other)))
    if not cosines:
        return {"equal": 0}
    every = np.concatenate(cosines)
    return {"equal": equal, "lowest": float(every.min()), "mean": float(every.mean()), "largest": largest}


def _dense(values: "np.ndarray | csr_matrix", rows: np.ndarray) -> np.ndarray:
    """Some rows as dense float32."""
    block: Any = values[rows]
    dense: np.ndarray = block if isinstance(block, np.ndarray) else block.toarray()
    return np.ascontiguousarray(dense, dtype=np.float32)


def cosine(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosine of each two rows [n, D] -> [n]; 1 where both are zero, 0 where one is."""
    lengths = np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1)
    product = lengths[0] * lengths[1]
    both_zero = (lengths[0] == 0) & (lengths[1] == 0)
    cosines = (one * other).sum(axis=1) / np.where(product > 0, product, 1.0)
    cosines[both_zero] = 1.0
    clipped: np.ndarray = np.clip(cosines, -1.0, 1.0)
    return clipped
