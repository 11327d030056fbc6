"""Finds the exact best k of stored vectors for each query, by dot products in float32; reads the vectors in blocks.

Memory does not grow with the number of vectors. A block fits the processor's cache: it is converted to float32 and
multiplied with all queries at once, and only scores that reach the k-th best so far are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import numpy as np

from pipeline.errors import LaffError
from pipeline.ranking.best import Best, Nearest, Order
from pipeline.ranking.products import Products, Source, blocks
from pipeline.ranking.tiles import whole_tiles

SCORES = 1 << 20  # most scores of a block: 4 MiB
BYTES = 1 << 22  # most bytes of a block's rows
KEPT = 1 << 22  # best scores kept for the queries of one batch: about 300 MiB with those that are not sorted yet


def nearest(
    queries: np.ndarray,
    sources: Sequence[Source],
    k: int,
    order: Order | None = None,
    allowed: np.ndarray | None = None,
) -> Nearest:
    """The k rows of the largest dot product with each query [Q, D] float32.

    Equal rows have equal scores. order: decides which row comes first among equal scores; None: the earlier row. The
    last bits of a score may depend on how many queries are asked at once. allowed: [N] bool, the rows that may be
    found; None: all. LaffError for k below 1, another width, or values that are not finite.
    """
    parts = list(passes(queries, sources, k, order, allowed))
    return Nearest(np.concatenate([part.rows for part in parts]), np.concatenate([part.scores for part in parts]))


def passes(
    queries: np.ndarray,
    sources: Sequence[Source],
    k: int,
    order: Order | None = None,
    allowed: np.ndarray | None = None,
) -> Iterator[Nearest]:
    """`nearest` in batches: yields results for one batch of queries at a time, in order.

    The batch size limits memory; each batch reads all vectors once.
    """
    total = sum(source.rows for source in sources)
    _check(queries, sources, k, total, allowed)
    k = min(k, total if allowed is None else int(allowed.sum()))
    size = max(1, KEPT // max(1, k))
    for start in range(0, max(1, len(queries)), size):
        yield _one_pass(queries[start : start + size], sources, k, order, allowed)


def of_scores(scores: np.ndarray, k: int, order: Order | None = None, allowed: np.ndarray | None = None) -> Nearest:
    """`nearest` for scores [Q, N] float32 that are all computed already."""
    import torch

    best = Best(len(scores), min(k, scores.shape[1] if allowed is None else int(allowed.sum())), order)
    best.offer(0, torch.from_numpy(scores), allowed)
    return best.result()


def _check(queries: np.ndarray, sources: Sequence[Source], k: int, total: int, allowed: np.ndarray | None) -> None:
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
    queries: np.ndarray, sources: Sequence[Source], k: int, order: Order | None, allowed: np.ndarray | None
) -> Nearest:
    """The best k of these queries; all threads of torch take blocks from one stream of them."""
    import torch

    best = Best(len(queries), k, order)
    if not len(queries) or not k:
        return best.result()
    size = whole_tiles(min(SCORES // len(queries), BYTES // max(1, sources[0].row_bytes)))
    stream, lock = blocks(sources, size, allowed), Lock()
    threads = torch.get_num_threads()

    def work() -> None:
        torch.set_num_threads(1)  # of this thread: a product shared among threads would wait for the slowest, each time
        multiply = Products(queries, size)
        with torch.no_grad():
            while True:
                with lock:
                    block = next(stream, None)
                if block is None:
                    return
                numbers = slice(block.number, block.number + block.count)
                best.offer(numbers.start, multiply(block), None if allowed is None else allowed[numbers])

    try:
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(work) for _ in range(threads)]:
                done.result()
    finally:
        torch.set_num_threads(threads)
    return best.result()
