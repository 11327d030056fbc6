"""Vectors of videos and captions, in blocks that memory takes."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from fusion.features import Feature, Split
    from fusion.spaces import Spaces

BLOCK = 512  # queries that are scored at once
SCORES = 1 << 26  # scores of a block at most: 256 MiB, and copies of it
EMBEDDED = 1024  # rows that are embedded at once
VIDEOS = 256  # of videos, always as many

T = TypeVar("T")  # what a model embeds: the features of some rows


def distinct(values: Sequence[Hashable]) -> tuple[np.ndarray, np.ndarray]:
    """The different ones of C values: places [U] where each first stands, and [C] which of them each value is."""
    known: dict[Hashable, int] = {}
    numbers = np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int64)
    first = np.full(len(known), len(values), dtype=np.int64)
    np.minimum.at(first, numbers, np.arange(len(values)))
    return first, numbers


def each_text(
    model: "Spaces", split: "Split", rows: np.ndarray
) -> tuple[Callable[["Tensor"], dict[str, "Feature"]], int]:
    """The second and third argument of `embed` for the captions with these row numbers [U].

    Sentence encoders see all of them at once: so words are looked up once, and captions that begin alike can share
    their steps. Other features come block by block.
    """
    import torch

    from fusion.features import take

    places = torch.from_numpy(rows)
    with torch.no_grad():
        encoded = model.encoded({name: take(split.text[name], places) for name in model.encoders if name in split.text})

    def of_block(block: "Tensor") -> dict[str, "Feature"]:
        return {
            name: take(encoded[name], block) if name in encoded else take(feature, places[block])
            for name, feature in split.text.items()
        }

    return of_block, len(rows)


def embed(encode: Callable[[T], "Tensor"], take: Callable[["Tensor"], T], count: int) -> "Tensor":
    """encode(take(row numbers)) of `count` rows in blocks, without gradients -> [count, W] float32."""
    return _embed(encode, take, count, EMBEDDED, full=False)


def embed_videos(encode: Callable[[T], "Tensor"], take: Callable[["Tensor"], T], count: int) -> "Tensor":
    """`embed` in blocks that are always full, for vectors of videos that are kept; the last block repeats its last row.

    A matrix product of a few rows rounds otherwise than one of many, and a vector should not depend on the videos that
    it is made with.
    """
    return _embed(encode, take, count, VIDEOS, full=True)


def _embed(
    encode: Callable[[T], "Tensor"], take: Callable[["Tensor"], T], count: int, size: int, full: bool
) -> "Tensor":
    import torch

    embedded = torch.empty(0)
    with torch.no_grad():
        for rows in torch.arange(count).split(size):
            block = torch.cat([rows, rows[-1:].expand(size - len(rows))]) if full and len(rows) else rows
            vectors = encode(take(block))[: len(rows)]
            if not len(embedded):
                embedded = vectors.new_empty(count, vectors.shape[1])
            embedded[rows] = vectors
    return embedded


def blocks(rows: np.ndarray, items: int = 1) -> Iterator[np.ndarray]:
    """Row numbers in blocks, of BLOCK rows or fewer where their scores of so many items would be more than SCORES."""
    count = max(1, min(BLOCK, SCORES // max(1, items)))
    for start in range(0, len(rows), count):
        yield rows[start : start + count]
