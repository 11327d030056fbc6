"""Exact best k of stored vectors: they stream by, products are summed in float32, and of each query the best k stay.

Memory does not grow with the number of vectors. A block of them is brought to float32 where it fits the processor's
cache, multiplied with all queries at once, and only scores that reach the k-th best so far are looked at again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import LaffError
from pipeline.rows.flat import KINDS, Flat

if TYPE_CHECKING:
    from torch import Tensor

PIECE = 1 << 19  # values that are brought to float32 at once: 2 MiB
SCORES = 1 << 20  # scores of a block at most: 4 MiB,
BYTES = 1 << 22  # and bytes of its rows
AHEAD = 16  # blocks that the disk is asked for before their turn
KEPT = 1 << 22  # best scores that are kept of the queries of one pass: with what waits, some 300 MiB
PENDING = 1 << 16  # candidates that wait at least before they are sorted


@dataclass(frozen=True)
class Nearest:
    """The best rows of each query, best first; fewer than k where there are fewer rows."""

    rows: np.ndarray  # [Q, k] int64, numbered through all sources in their order
    scores: np.ndarray  # [Q, k] float32


def nearest(
    queries: np.ndarray,
    sources: Sequence[Flat],
    k: int,
    order: Callable[[], np.ndarray] | None = None,
    allowed: np.ndarray | None = None,
) -> Nearest:
    """The k rows of the largest dot product with each query [Q, D] float32.

    Of equal scores the row comes first that is first by order(), [N] different numbers of all rows, which is asked for
    where scores tie; without it the earlier row. allowed: [N] bool, the rows that count; all without it.
    LaffError for k below 1, another width, or values that are not finite.
    """
    parts = list(passes(queries, sources, k, order, allowed))
    return Nearest(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "scores")))


def passes(
    queries: np.ndarray,
    sources: Sequence[Flat],
    k: int,
    order: Callable[[], np.ndarray] | None = None,
    allowed: np.ndarray | None = None,
) -> Iterator[Nearest]:
    """`nearest` of some queries after the other, as many at once as memory is meant for: the vectors pass once each."""
    total = sum(source.rows for source in sources)
    _check(queries, sources, k, total, allowed)
    k = min(k, total if allowed is None else int(allowed.sum()))
    size = max(1, KEPT // max(1, k))
    for start in range(0, max(1, len(queries)), size):
        yield _one_pass(queries[start : start + size], sources, k, total, order, allowed)


def of_scores(
    scores: np.ndarray, k: int, order: Callable[[], np.ndarray] | None = None, allowed: np.ndarray | None = None
) -> Nearest:
    """`nearest` where all scores [Q, N] float32 are known."""
    import torch

    best = _Best(len(scores), min(k, scores.shape[1] if allowed is None else int(allowed.sum())), order)
    best.offer(0, torch.from_numpy(scores), allowed)
    return best.result()


def _check(queries: np.ndarray, sources: Sequence[Flat], k: int, total: int, allowed: np.ndarray | None) -> None:
    if k < 1:
        raise LaffError(f"k is {k}; at least one row should be asked for")
    if queries.ndim != 2 or queries.dtype != np.float32 or not np.isfinite(queries).all():
        raise LaffError(f"queries are {queries.dtype} {list(queries.shape)}; they should be finite float32 [Q, D]")
    for source in sources:
        if source.width != queries.shape[1]:
            raise LaffError(
                f"{source.path}: its rows are {source.width} wide and the queries {queries.shape[1]}; "
                "they are of another model"
            )
    if allowed is not None and allowed.shape != (total,):
        raise LaffError(
            f"allowed is {list(allowed.shape)}; it should say of each of the {total} rows whether it counts"
        )


def _one_pass(
    queries: np.ndarray,
    sources: Sequence[Flat],
    k: int,
    total: int,
    order: Callable[[], np.ndarray] | None,
    allowed: np.ndarray | None,
) -> Nearest:
    import torch

    best = _Best(len(queries), k, order)
    if not len(queries) or not k:
        return best.result()
    size = max(1, min(SCORES // len(queries), BYTES // max(1, sources[0].row_bytes)))
    blocks, lock = _blocks(sources, size, allowed), Lock()
    threads = torch.get_num_threads()

    def work() -> None:
        torch.set_num_threads(1)  # of this thread: a product shared among threads would wait for the slowest, each time
        multiply = _Products(queries, size)
        with torch.no_grad():
            while True:
                with lock:
                    block = next(blocks, None)
                if block is None:
                    return
                here = slice(block.number, block.number + block.count)
                best.offer(here.start, multiply(block), None if allowed is None else allowed[here])

    try:
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(work) for _ in range(threads)]:
                done.result()
    finally:
        torch.set_num_threads(threads)
    return best.result()


@dataclass(frozen=True)
class _Block:
    """Some rows that follow each other in a file."""

    source: Flat
    first: int  # in the file
    number: int  # of the first row, through all sources
    count: int


def _blocks(sources: Sequence[Flat], size: int, allowed: np.ndarray | None) -> Iterator[_Block]:
    """All rows of all sources in blocks, those without a row that counts aside; the disk is asked for them ahead."""
    waiting: deque[_Block] = deque()
    before = 0
    for source in sources:
        for first in range(0, source.rows, size):
            block = _Block(source, first, before + first, min(size, source.rows - first))
            if allowed is None or allowed[block.number : block.number + block.count].any():
                source.ahead(first, block.count)
                waiting.append(block)
            if len(waiting) > AHEAD:
                yield waiting.popleft()
        before += source.rows
    yield from waiting


class _Products:
    """Products of blocks of rows with the same queries; a thread has one of its own, with the memory that it needs."""

    def __init__(self, queries: np.ndarray, size: int) -> None:
        import torch

        self._asked = torch.from_numpy(queries)
        count, width = queries.shape
        self._piece = min(max(16, PIECE // max(1, width)), size)
        self._stored = {kind: np.empty((0, width), kind) for kind in KINDS}
        self._wide, self._size = torch.empty(self._piece, width), size
        self._scores = torch.empty(count, size)

    def __call__(self, block: _Block) -> Tensor:
        """Scores [Q, n] float32 of the block, which stand until the next call."""
        import torch

        kind = block.source.dtype
        if not len(self._stored[kind]):
            self._stored[kind] = np.empty((self._size, block.source.width), kind)
        block.source.read(block.first, self._stored[kind][: block.count])
        stored = torch.from_numpy(self._stored[kind])
        for start in range(0, block.count, self._piece):
            end = min(start + self._piece, block.count)
            rows = stored[start:end]
            if kind != "float32":
                rows = self._wide[: end - start].copy_(rows)
            # This way round: with the queries to the right MKL takes 1.6 times as long for 30 of them.
            torch.mm(self._asked, rows.T, out=self._scores[:, start:end])
        return self._scores[:, : block.count]


class _Best:
    """The best k of each query among the rows that were offered, with those that wait to be compared."""

    def __init__(self, queries: int, k: int, order: Callable[[], np.ndarray] | None) -> None:
        import torch

        self._queries, self._k, self._order = queries, k, order
        self._place: np.ndarray | None = None  # what `order` gave
        self._edge = torch.full((queries,), -np.inf)  # the k-th best score of each query; what is below is out
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # queries, rows, scores
        self._count = 0
        self._lock = Lock()

    def offer(self, first: int, scores: Tensor, allowed: np.ndarray | None) -> None:
        """Scores [Q, n] of the rows from number `first` on, in any order of blocks, from any thread."""
        import torch

        reached = scores >= self._edge[:, None]
        if allowed is not None:
            reached &= torch.from_numpy(allowed)
        if not reached.any():
            return
        queries, rows = (column.numpy() for column in reached.nonzero(as_tuple=True))
        values = scores[reached].numpy()
        with self._lock:
            self._waiting.append((queries, rows + first, values))
            self._count += len(rows)
            if self._count > 2 * self._queries * self._k + PENDING:
                self._sort()

    def result(self) -> Nearest:
        """What is left, sorted."""
        shape = self._queries, self._k
        if not self._queries or not self._k:
            return Nearest(np.zeros(shape, np.int64), np.zeros(shape, np.float32))
        _, rows, scores = self._sort(last=True) if self._waiting else (None, np.zeros(0), np.zeros(0))
        if len(rows) != self._queries * self._k:
            raise LaffError("a score is not a finite number, so there is no best; were the features finite?")
        return Nearest(rows.reshape(shape), scores.reshape(shape))

    def _sort(self, last: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Keep the best k of each query, by query and then best first; `last`: what is kept stands in its order too."""
        import torch

        queries, rows, scores = (np.concatenate(column) for column in zip(*self._waiting, strict=True))
        by = np.lexsort((rows, -scores, queries))
        tied = _tied(queries[by], scores[by], None if last else self._k)
        if self._order is not None and tied:
            self._place = self._order() if self._place is None else self._place
            by = np.lexsort((self._place[rows], -scores, queries))
        starts = np.searchsorted(queries[by], np.arange(self._queries + 1))
        within = np.arange(len(by)) - starts[queries[by]]
        by = by[within < self._k]
        full = np.flatnonzero(np.diff(starts) >= self._k)
        edges = scores[by][np.searchsorted(queries[by], full, side="right") - 1]
        self._edge[torch.from_numpy(full)] = torch.from_numpy(edges)
        kept = queries[by], rows[by], scores[by]
        self._waiting, self._count = [kept], len(by)
        return kept


def _tied(queries: np.ndarray, scores: np.ndarray, k: int | None) -> bool:
    """Whether equal scores stand side by side, in any place or at the k-th of a query."""
    equal = (queries[1:] == queries[:-1]) & (scores[1:] == scores[:-1])
    if k is None or not equal.any():
        return bool(equal.any())
    within = np.arange(1, len(queries)) - np.searchsorted(queries, queries[1:])
    return bool((equal & (within == k)).any())
