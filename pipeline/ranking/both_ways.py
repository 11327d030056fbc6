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
    """Write the run files, k items a query, and the ranks of the row `name`; uncovered queries are at the last rank.

    Queries of no video have a run and no rank; they are no candidates for videos. A video without a caption is a
    candidate, and its run says which captions would suit it best.
    """
    text_ids = catalog.ids("text", rows.captions)
    captions = np.flatnonzero(np.asarray(catalog.caption_video)[rows.captions] >= 0)  # texts with a known answer
    caption_ids = [text_ids[text] for text in captions]
    video_ids = catalog.ids("video", rows.videos)
    candidates = len(catalog.split_videos("test"))
    asking = ranks_file.asking(catalog)
    place = np.searchsorted(asking, rows.videos)
    # Uncovered videos rank below all others: that leaves the ranks of covered ones as they are.
    t2v = Ranks.last(len(text_ids), candidates)
    v2t = Ranks.last(len(asking), len(captions))
    own = captions_of(rows.video_of[captions], len(rows.videos))
    asks = np.array([len(mine) > 0 for mine in own], dtype=bool)

    def by_caption() -> Iterator[tuple[str, trec.Found]]:
        for block in blocks(np.arange(len(text_ids)), len(video_ids)):
            scores = scored.of_captions(block)
            here = rows.video_of[block] >= 0
            t2v.put(block[here], rank(scores[here], rows.video_of[block][here]))
            yield from trec.named(text_ids, block, video_ids, *trec.top_k(scores, k))

    def by_video() -> Iterator[tuple[str, trec.Found]]:
        for block in blocks(np.arange(len(rows.videos) if len(captions) else 0), len(text_ids)):
            scores = scored.of_videos(block)
            if len(captions) < len(text_ids):
                scores = np.ascontiguousarray(scores[:, captions])
            here = asks[block]
            v2t.put(place[block[here]], rank(scores[here], [own[video] for video in block[here]]))
            yield from trec.named(video_ids, block, caption_ids, *trec.top_k(scores, k))

    for file, found in zip(RUNS, (by_caption(), by_video()), strict=True):
        trec.write_run(folder / file, found, name)
    ranks_file.write(folder, name, catalog, rows, t2v.take(captions), v2t)


def captions_of(video_of: np.ndarray, videos: int) -> list[np.ndarray]:
    """Of each of so many covered videos, the places of its captions, rising; `video_of` [C] says whose each is."""
    covered = np.flatnonzero(video_of >= 0)
    order = covered[np.argsort(video_of[covered], kind="stable")]
    return np.split(order, np.searchsorted(video_of[order], np.arange(1, videos)))
