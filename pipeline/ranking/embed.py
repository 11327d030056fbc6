"""Vectors of videos and captions, in blocks that memory takes."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from fusion.features import Split
    from fusion.spaces import Spaces

BLOCK = 512  # queries that are scored at once
SCORES = 1 << 26  # scores of a block at most: 256 MiB, and copies of it
EMBEDDED = 1024  # rows that are embedded at once
VIDEOS = 256  # of videos, always as many


def distinct(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Places [U] where each different text first stands, and [C] which of them each text is."""
    known: dict[str, int] = {}
    of = np.array([known.setdefault(text, len(known)) for text in texts], dtype=np.int64)
    first = np.full(len(known), len(texts), dtype=np.int64)
    np.minimum.at(first, of, np.arange(len(texts)))
    return first, of


def each_text(model: "Spaces", split: "Split", rows: np.ndarray) -> tuple[Callable, int]:
    """What `embed` takes of the captions with these row numbers [U]; sentence encoders see all of them at once.

    So words are looked up once, and captions that begin alike can share their steps. The rest comes block by block.
    """
    import torch

    from fusion.features import Feature, take

    each = torch.from_numpy(rows)
    with torch.no_grad():
        encoded = model.encoded({name: take(split.text[name], each) for name in model.encoders if name in split.text})

    def of_block(block: "Tensor") -> dict[str, Feature]:
        here = {name: take(feature, block) for name, feature in encoded.items()}
        return {name: here[name] if name in here else take(whole, each[block]) for name, whole in split.text.items()}

    return of_block, len(rows)


def embed(function: Callable, take: Callable, count: int) -> "Tensor":
    """function(take(row numbers)) of `count` rows in blocks, without gradients -> [count, W] float32."""
    import torch

    found = torch.empty(0)
    with torch.no_grad():
        for block in torch.arange(count).split(EMBEDDED):
            vectors = function(take(block))
            if not len(found):
                found = vectors.new_empty(count, vectors.shape[1])
            found[block] = vectors
    return found


def embed_videos(function: Callable, take: Callable, count: int) -> "Tensor":
    """`embed` in blocks that are always full, where the last one repeats its last row: what is kept of videos.

    A matrix product of a few rows rounds otherwise than one of many, and a vector should not hang on its company.
    """
    import torch

    found = torch.empty(0)
    with torch.no_grad():
        for block in torch.arange(count).split(VIDEOS):
            lacks = VIDEOS - len(block) if len(block) else 0
            vectors = function(take(torch.cat([block, block[-1:].expand(lacks)])))[: len(block)]
            if not len(found):
                found = vectors.new_empty(count, vectors.shape[1])
            found[block] = vectors
    return found


def blocks(rows: np.ndarray, items: int = 1) -> Iterator[np.ndarray]:
    """Row numbers in blocks, of BLOCK rows or fewer where their scores of so many items would be more than SCORES."""
    count = max(1, min(BLOCK, SCORES // max(1, items)))
    for start in range(0, len(rows), count):
        yield rows[start : start + count]
