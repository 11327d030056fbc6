"""ranks.h5: the ranks of all queries for a row of results and one seed, both ways."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.assembly.features import Rows
from pipeline.graph.models import Row
from pipeline.graph.rescoring import WAYS as WAYS  # t2v: the queries are captions; v2t: the queries are videos
from pipeline.items.catalog import Catalog
from pipeline.ranking.ranks import Ranks
from pipeline.rows import shards

NAME = "ranks.h5"
COLUMNS = (
    "covered",
    "precision",
    "video",
    "v2t_ids",
    "v2t_first",
    "v2t_precision",
    "v2t_covered",
    "v2t_relevant",
)  # the t2v first ranks are the shard's `values`; these are the extra columns


@dataclass
class Ranked:
    """The ranks of one row of results with one seed, one way."""

    ids: list[str]
    ranks: Ranks
    covered: np.ndarray  # [Q] bool
    groups: np.ndarray  # [Q] number of each query's group: queries of one video belong together
    candidates: int
    covered_candidates: int  # candidates that have every feature
    relevant: np.ndarray  # [Q] number of relevant items of each query


def asking(catalog: Catalog) -> np.ndarray:
    """Catalog rows of the queries of v2t: the videos of test with a caption. Other videos are only candidates."""
    videos = catalog.split_videos("test")
    described = np.asarray(catalog.caption_video)[catalog.split_captions("test")]
    return videos[np.isin(videos, described)]


def write(folder: Path, row: str, catalog: Catalog, covered: Rows, t2v: Ranks, v2t: Ranks | None) -> None:
    """Write the ranks of the captions and videos of test into the folder of a row and seed.

    t2v: ranks of the captions in `covered` that have a video; v2t: ranks of the videos that have a caption, None for a
    row that ranks videos only.
    """
    import h5py

    every_caption_video = np.asarray(catalog.caption_video)[covered.captions]
    captions = every_caption_video >= 0
    caption_ids = catalog.ids("text", covered.captions[captions])
    every_video, videos = catalog.split_videos("test"), asking(catalog)
    about: dict[str, Any] = {} if v2t else {"ways": "t2v"}
    if v2t is None:
        videos, v2t = videos[:0], Ranks.last(0, 0)
    video_of = every_caption_video[captions]
    columns = {
        "covered": covered.video_of[captions] >= 0,
        "precision": t2v.precision,
        "video": video_of,
        "v2t_ids": np.array(catalog.ids("video", videos), dtype=h5py.string_dtype()),
        "v2t_first": v2t.first,
        "v2t_precision": v2t.precision,
        "v2t_covered": np.isin(videos, covered.videos),
        "v2t_relevant": np.bincount(video_of, minlength=len(catalog.videos))[videos],
    }
    about |= {
        "row": row,
        "queries": len(caption_ids),
        "candidates": len(every_video),
        "covered_candidates": len(covered.videos),
    }
    shards.write(folder / NAME, caption_ids, t2v.first[:, None], about, (), columns)


def read(folder: Path) -> dict[str, Ranked]:
    """What a row found with one seed, from its folder in the rank stage's: {way: …} for each way that it ranks."""
    path = folder / NAME
    shard = shards.read(path)
    column = {name: shards.column(path, name) for name in COLUMNS}
    first = np.asarray(shard.values)[:, 0]
    videos = column["v2t_ids"].tolist()
    candidates, covered = (int(shard.attributes[name]) for name in ("candidates", "covered_candidates"))
    one_each = np.ones(len(first), dtype=np.int64)
    both = {
        "t2v": Ranked(
            shard.ids,
            Ranks(first, column["precision"]),
            column["covered"],
            column["video"],
            candidates,
            covered,
            one_each,
        ),
        "v2t": Ranked(
            videos,
            Ranks(column["v2t_first"], column["v2t_precision"]),
            column["v2t_covered"],
            np.arange(len(videos)),
            len(shard.ids),
            len(shard.ids),  # captions of uncovered videos stay candidates
            column["v2t_relevant"],
        ),
    }
    return {way: ranked for way, ranked in both.items() if way in str(shard.attributes.get("ways", WAYS))}


def read_seeds(folder: Path, row: Row) -> list[dict[str, Ranked]]:
    """What a row found with each of its seeds, from the rank stage's folder."""
    return [read(folder / row.name / f"seed{seed}") for seed in row.seeds]
