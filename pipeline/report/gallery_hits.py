"""The first hits of some queries, read from a run file of rank in one pass; nothing is scored again."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import ids


@dataclass(frozen=True)
class Found:
    """What one row of results found for Q queries."""

    hits: np.ndarray  # [Q, H] int64 catalog rows of videos, best first; -1 where a run has fewer
    scores: np.ndarray  # [Q, H] float64; NaN where a run has fewer
    right: np.ndarray  # [Q] float64 score of the right video; NaN where it is not among those of the run


def first_hits(path: Path, queries: Sequence[str], right: Sequence[str], rows: dict[str, int], depth: int) -> Found:
    """The `depth` first hits of each query of a run file.

    queries: [Q] ids; right: [Q] the id of each one's right video; rows: {id of a video: its catalog row}.
    """
    place_of = {ids.encoded(query).encode(): place for place, query in enumerate(queries)}
    row_of = {ids.encoded(video).encode(): row for video, row in rows.items()}
    wanted = [ids.encoded(video).encode() for video in right]
    hits = np.full((len(queries), depth), -1, np.int64)
    scores = np.full((len(queries), depth), np.nan)
    of_right = np.full(len(queries), np.nan)
    name, place, count = b"", None, 0
    with gzip.open(path, "rb") as file:
        for line in file:
            query, _, item, _, score, _ = line.split()
            if query != name:
                name, place, count = query, place_of.get(query), 0
            if place is None:
                continue
            if count < depth:
                hits[place, count], scores[place, count] = row_of[item], float(score)
            if item == wanted[place]:
                of_right[place] = float(score)
            count += 1
    return Found(hits, scores, of_right)
