"""What the gallery's script reads: queries, videos, and what each row of results found, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.graph.models import Row
from pipeline.plan.context import Context
from pipeline.ranking.both_ways import RUNS
from pipeline.ranking.ranks_file import Ranked
from pipeline.report.gallery_hits import Found, first_hits
from pipeline.report.gallery_shares import Shares, kept_shares, measured_shares
from pipeline.report.inspected import Inspected

LETTERS = 300  # of a text
DIGITS = 4  # of a score


@dataclass(frozen=True)
class Shown:
    """A row of results with its first seed, and what it found for Q queries."""

    row: Row
    ranks: np.ndarray  # [Q] of the right video
    right: np.ndarray  # [Q] int64 catalog row of the right video
    covered: np.ndarray  # [Q] bool: whether that has a vector
    ids: list[str]  # [Q] of the queries
    candidates: int
    found: Found


def shown(context: Context, folder: Path, row: Row, ranked: Ranked, places: np.ndarray, depth: int) -> Shown:
    """What a row found for the queries at these places [Q] of test.

    folder: of the rank stage; ranked: the ranks of the row's first seed.
    """
    catalog = context.catalog
    candidates = catalog.split_videos("test")
    row_of = dict(zip(catalog.ids("video", candidates), candidates.tolist(), strict=True))
    ids, right = [ranked.ids[place] for place in places], ranked.groups[places]
    run = folder / row.name / f"seed{row.seeds[0]}" / RUNS[0]
    found = first_hits(run, ids, catalog.ids("video", right), row_of, depth)
    return Shown(row, ranked.ranks.first[places], right, ranked.covered[places], ids, ranked.candidates, found)


def block(
    context: Context, rows: Sequence[Shown], inspected: Inspected | None = None
) -> tuple[dict[str, Any], list[int]]:
    """The block without pictures, and the catalog rows of its videos in the order in which they are first shown.

    inspected: the model whose shares are measured where none are kept.
    """
    catalog, main = context.catalog, rows[0]
    depth = main.found.hits.shape[1]
    ordered = [main.right, *(one.found.hits[:, place] for place in range(depth) for one in rows)]
    _, first = np.unique(np.concatenate(ordered), return_index=True)
    videos = [row for row in np.concatenate(ordered)[np.sort(first)].tolist() if row >= 0]
    number = {row: at for at, row in enumerate(videos)} | {-1: -1}
    texts: dict[str, str] = {}
    about: dict[int, str] = {}
    for caption in catalog.split_captions("test").tolist():
        texts[catalog.captions[caption]] = catalog.texts[caption]
        about.setdefault(int(catalog.caption_video[caption]), catalog.texts[caption])
    content = {
        "depth": depth,
        "candidates": main.candidates,
        "rows": [_row(one, _shares(context, one.row, videos, inspected)) for one in rows],
        "queries": {
            "ids": main.ids,
            "texts": [_short(texts[query]) for query in main.ids],
            "right": [number[row] for row in main.right.tolist()],
            "lost": np.flatnonzero(~main.covered).tolist(),
        },
        "videos": {
            "ids": catalog.ids("video", videos),
            "about": [_short(about.get(row, "")) for row in videos],
        },
        "found": [
            {
                "ranks": [int(rank) if rank == int(rank) else rank for rank in one.ranks.tolist()],
                "hits": [number[row] for row in one.found.hits.ravel().tolist()],
                "scores": _scores(one.found.scores.ravel()),
                "right": _scores(one.found.right),
            }
            for one in rows
        ],
    }
    return content, videos


def _shares(context: Context, row: Row, videos: Sequence[int], inspected: Inspected | None) -> Shares | None:
    """The shares of features in the vectors of videos, by a row with its first seed; None where nobody knows them."""
    kept = kept_shares(context, row, row.seeds[0], videos)
    if kept or inspected is None or row.models != (inspected.model,):
        return kept
    return measured_shares(inspected, row.seeds[0], videos)


def _row(one: Shown, shares: Shares | None) -> dict[str, Any]:
    """The name of a row, its seed if there are several, and the shares of its features in thousandths."""
    return {
        "name": one.row.name,
        "seed": one.row.seeds[0] if len(one.row.seeds) > 1 else None,
        "features": shares.features if shares else [],
        "shares": np.rint(np.nan_to_num(shares.values) * 1000).astype(int).tolist() if shares else [],
    }


def _scores(values: np.ndarray) -> list[float | None]:
    """Scores with DIGITS digits; None where there is none."""
    return [None if np.isnan(value) else float(f"{value:.{DIGITS}g}") for value in values.tolist()]


def _short(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[:LETTERS]}…"
