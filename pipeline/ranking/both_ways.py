"""Captions against videos and videos against captions: a run file of each way, and the ranks of all queries."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.assembly.features import Rows
from pipeline.items.catalog import Catalog
from pipeline.ranking import ranks_file, trec
from pipeline.ranking.embed import blocks
from pipeline.ranking.ranks import Ranks, rank
from pipeline.ranking.scores import Scored

RUNS = ("t2v.trec.gz", "v2t.trec.gz")


def write(folder: Path, name: str, scored: Scored, catalog: Catalog, rows: Rows, k: int) -> None:
    """Write the run files, k items a query, and the ranks of the row `name`; uncovered queries are at the last rank."""
    caption_ids = catalog.ids("text", rows.captions)
    video_ids = catalog.ids("video", rows.videos)
    every_video = catalog.split_videos("test")
    place = np.searchsorted(every_video, rows.videos)
    # Uncovered videos rank below all others: that leaves the ranks of covered ones as they are.
    t2v = Ranks.last(len(caption_ids), len(every_video))
    v2t = Ranks.last(len(every_video), len(caption_ids))
    own = captions_of(rows)

    def by_caption() -> Iterator[tuple[str, trec.Found]]:
        for block in blocks(np.arange(len(caption_ids)), len(video_ids)):
            scores = scored.of_captions(block)
            here = rows.video_of[block] >= 0
            t2v.put(block[here], rank(scores[here], rows.video_of[block][here]))
            yield from trec.named(caption_ids, block, video_ids, *trec.top_k(scores, k))

    def by_video() -> Iterator[tuple[str, trec.Found]]:
        for block in blocks(np.arange(len(rows.videos)), len(caption_ids)):
            scores = scored.of_videos(block)
            v2t.put(place[block], rank(scores, [own[video] for video in block]))
            yield from trec.named(video_ids, block, caption_ids, *trec.top_k(scores, k))

    for file, found in zip(RUNS, (by_caption(), by_video()), strict=True):
        trec.write_run(folder / file, found, name)
    ranks_file.write(folder, name, catalog, rows, t2v, v2t)


def captions_of(rows: Rows) -> list[np.ndarray]:
    """Of each covered video, the places of its captions, rising."""
    covered = np.flatnonzero(rows.video_of >= 0)
    order = covered[np.argsort(rows.video_of[covered], kind="stable")]
    return np.split(order, np.searchsorted(rows.video_of[order], np.arange(1, len(rows.videos))))
