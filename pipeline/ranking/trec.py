"""TREC run files of lines `query Q0 item rank score tag`, gzipped where their name ends in .gz.

White space and % in queries and items are percent-encoded there.
"""

import gzip
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import IO

import numpy as np

from pipeline import ids
from pipeline.errors import LaffError
from pipeline.files import whole

Hits = Sequence[tuple[str, float]]  # items and scores, best first


def write_run(path: Path, queries: Iterable[tuple[str, Hits]], tag: str) -> None:
    """Write a run, whole or not at all; the same rows give the same bytes.

    queries: their ids with what they found. Scores keep nine digits, which tell every two float32 apart.
    Raises LaffError if a name is empty, the tag holds white space, a query comes twice, or its scores rise.
    """
    with whole(path) as temporary, temporary.open("wb") as raw, ExitStack() as stack:
        file: IO[bytes] | gzip.GzipFile = raw
        if path.suffix == ".gz":
            # Neither a name nor a time in the header: they would make equal runs differ.
            file = stack.enter_context(gzip.GzipFile("", mode="wb", fileobj=raw, compresslevel=6, mtime=0))
        for lines in _lines(path, queries, tag):
            file.write(lines.encode())


def _lines(path: Path, queries: Iterable[tuple[str, Hits]], tag: str) -> Iterator[str]:
    seen: set[str] = set()
    if tag.split() != [tag]:
        raise LaffError(f"{path}: tag {tag!r} is empty or holds white space, which a run file cannot")
    for query, hits in queries:
        name = _name(path, "query", query)
        if query in seen:
            raise LaffError(f"{path}: query {query!r} comes twice")
        seen.add(query)
        lines: list[str] = []
        last_score = float("inf")
        for place, (item, score) in enumerate(hits, 1):
            if not score <= last_score:
                raise LaffError(f"{path}: query {query!r}: score {score} follows {last_score}; items go best first")
            last_score = score
            lines.append(f"{name} Q0 {_name(path, 'item', item)} {place} {score:.9g} {tag}\n")
        yield "".join(lines)


def _name(path: Path, what: str, name: str) -> str:
    if not name:
        raise LaffError(f"{path}: the {what} '' is no name that a run file can hold")
    return ids.encoded(name)


def read_run(path: Path) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Queries with their items and scores, one at a time, in the file's order.

    Reads plain text as well. Raises LaffError for a missing or cut file and for a line that isn't six fields.
    """
    if not path.is_file():
        raise LaffError(f"{path}: no such run file")
    try:
        for query, group in groupby(_fields(path), key=lambda fields: fields[0]):
            yield query, [(item, score) for _, item, score in group]
    except (EOFError, OSError, UnicodeDecodeError) as error:
        raise LaffError(f"{path}: damaged run file: {error}") from error


def _fields(path: Path) -> Iterator[tuple[str, str, float]]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            fields = line.split()
            try:
                query, _, item, _, score, _ = fields
                yield ids.decoded(query), ids.decoded(item), float(score)
            except ValueError as error:
                raise LaffError(
                    f"{path}, line {number}: {line.strip()[:80]!r} is not `query Q0 item rank score tag`"
                ) from error


def named(
    queries: list[str], block: np.ndarray, items: list[str], columns: np.ndarray, scores: np.ndarray
) -> Iterator[tuple[str, Hits]]:
    """What `write_run` takes: the ids of a block's queries with the ids and scores of their items.

    block: [q] numbers of queries; columns: [q, k] numbers of items, best first; scores: [q, k].
    """
    for query, places, query_scores in zip(block, columns, scores, strict=True):
        yield queries[query], [(items[item], float(score)) for item, score in zip(places, query_scores, strict=True)]


def top_k(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of each row, best first: columns [q, k] int64 and their scores [q, k]; all of them if N < k.

    Exact. Of equal scores the earlier column comes first, at the cut as well.
    """
    if not np.isfinite(scores).all():
        raise LaffError("a score is not a finite number, so there is no best; are the features finite?")
    count = scores.shape[1]
    k = min(k, count)
    if k == count:
        columns = np.argsort(-scores, axis=1, kind="stable")
        return columns, np.take_along_axis(scores, columns, axis=1)
    kth = np.partition(scores, count - k, axis=1)[:, count - k, None]  # the k-th best
    kept = scores >= kth
    for row in np.flatnonzero(kept.sum(axis=1) > k):  # more are equal to the edge than there is room for
        equal = np.flatnonzero(scores[row] == kth[row])
        kept[row, equal[k - int((scores[row] > kth[row]).sum()) :]] = False
    columns = np.nonzero(kept)[1].reshape(len(scores), k)  # rising
    best = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-best, axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(best, order, axis=1)
