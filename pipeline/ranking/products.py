"""Dot products of stored vectors with queries, block by block: read ahead from disk, summed in float32.

Equal vectors get equal scores in any block of any source; see `tiles`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.ranking.held import Held
from pipeline.ranking.tiles import TILE, tiles_over, whole_tiles
from pipeline.rows.flat import KINDS, Flat

if TYPE_CHECKING:
    from torch import Tensor

PIECE = 1 << 19  # values that are brought to float32 at once: 2 MiB, which fit the processor's cache
AHEAD = 16  # blocks that the disk is asked for before their turn

Source = Flat | Held


@dataclass(frozen=True)
class Block:
    """Some rows that follow each other in a file."""

    source: Source
    first: int  # row in the file
    number: int  # of the first row, through all sources
    count: int


def blocks(sources: Sequence[Source], size: int, allowed: np.ndarray | None) -> Iterator[Block]:
    """All rows of all sources in blocks of `size` rows or fewer; the disk is asked for them before their turn.

    allowed: [N] bool, the rows that count; a block without any of them is left out. None: all count.
    """
    waiting: deque[Block] = deque()
    before = 0
    for source in sources:
        for first in range(0, source.rows, size):
            block = Block(source, first, before + first, min(size, source.rows - first))
            if allowed is None or allowed[block.number : block.number + block.count].any():
                source.ahead(first, block.count)
                waiting.append(block)
            if len(waiting) > AHEAD:
                yield waiting.popleft()
        before += source.rows
    yield from waiting


class Products:
    """Multiplies blocks of rows with the same queries. Each thread has one of its own, with the memory it needs."""

    def __init__(self, queries: np.ndarray, size: int) -> None:
        """Hold queries [Q, D] float32; size: the most rows of a block, a multiple of TILE."""
        import torch

        assert size % TILE == 0
        self._queries = torch.from_numpy(queries)
        count, width = queries.shape
        self._piece = min(whole_tiles(PIECE // max(1, width)), size)
        self._stored = {kind: np.empty((0, width), kind) for kind in KINDS}
        self._wide, self._size = torch.empty(self._piece, width), size
        self._scores = torch.empty(count, size)

    def __call__(self, block: Block) -> Tensor:
        """Scores [Q, n] float32 of the block, which stand until the next call."""
        import torch

        filled = tiles_over(block.count)
        stored = self._read(block, filled)
        for start in range(0, filled, self._piece):
            end = min(start + self._piece, filled)
            vectors = stored[start:end]
            if vectors.dtype != torch.float32:
                vectors = self._wide[: end - start].copy_(vectors)
            # This way round: with the queries to the right MKL takes 1.6 times as long for 30 of them.
            torch.mm(self._queries, vectors.T, out=self._scores[:, start:end])
        return self._scores[:, : block.count]

    def _read(self, block: Block, filled: int) -> Tensor:
        """The rows of a block and rows of zeros behind them, [filled, D]; they stand until the next call."""
        import torch

        if isinstance(block.source, Held):
            return block.source.values[block.first : block.first + filled]
        kind = block.source.dtype
        if not len(self._stored[kind]):
            self._stored[kind] = np.empty((self._size, block.source.width), kind)
        block.source.read(block.first, self._stored[kind][: block.count])
        self._stored[kind][block.count : filled] = 0
        return torch.from_numpy(self._stored[kind][:filled])
