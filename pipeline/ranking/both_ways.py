"""Captions against videos and videos against captions: a run file of each way, and the ranks of all queries."""

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from pipeline.assembly.features import Rows
from pipeline.items.catalog import Catalog
from pipeline.ranking import ranks_file
from pipeline.ranking.embed import blocks
from pipeline.ranking.ranks import Ranks, rank
from pipeline.ranking.ranks_file import WAYS
from pipeline.ranking.scores import Scores
from pipeline.ranking.top import top_k
from pipeline.runfiles import trec
from pipeline.runfiles.run import Hits

RUNS = ("t2v.trec.gz", "v2t.trec.gz")


def write(
    folder: Path, name: str, scored: Scores, catalog: Catalog, covered: Rows, k: int, ways: Collection[str] = WAYS
) -> None:
    """Write the run files, k items a query, and the ranks of the row `name`; uncovered queries are at the last rank.

    covered: the videos of test that have every feature, and all its captions. ways: t2v alone, or both.
    Queries of no video have a run and no rank; they are no candidates for videos. A video without a caption is a
    candidate, and its run says which captions would suit it best.
    """
    text_ids = catalog.ids("text", covered.captions)
    captions = np.flatnonzero(np.asarray(catalog.caption_video)[covered.captions] >= 0)  # texts with a known answer
    caption_ids = [text_ids[text] for text in captions]
    video_ids = catalog.ids("video", covered.videos)
    candidates = len(catalog.split_videos("test"))
    asking = ranks_file.asking(catalog)
    places = np.searchsorted(asking, covered.videos)
    # Uncovered videos rank below all others: that leaves the ranks of covered ones as they are.
    t2v = Ranks.last(len(text_ids), candidates)
    v2t = Ranks.last(len(asking), len(captions))
    captions_by_video = captions_of(covered.video_of[captions], len(covered.videos))
    has_caption = np.array([len(captions_of_one) > 0 for captions_of_one in captions_by_video], dtype=bool)

    def by_caption() -> Iterator[tuple[str, Hits]]:
        for block in blocks(np.arange(len(text_ids)), len(video_ids)):
            scores = scored.of_captions(block)
            has_video = covered.video_of[block] >= 0
            t2v.put(block[has_video], rank(scores[has_video], covered.video_of[block][has_video]))
            yield from trec.named(text_ids, block, video_ids, *top_k(scores, k))

    def by_video() -> Iterator[tuple[str, Hits]]:
        for block in blocks(np.arange(len(covered.videos) if len(captions) else 0), len(text_ids)):
            scores = scored.of_videos(block)
            if len(captions) < len(text_ids):
                scores = np.ascontiguousarray(scores[:, captions])
            asks = has_caption[block]
            v2t.put(places[block[asks]], rank(scores[asks], [captions_by_video[video] for video in block[asks]]))
            yield from trec.named(video_ids, block, caption_ids, *top_k(scores, k))

    for way, file, queries in zip(WAYS, RUNS, (by_caption(), by_video()), strict=True):
        if way in ways:
            trec.write_run(folder / file, queries, name)
    ranks_file.write(folder, name, catalog, covered, t2v.take(captions), v2t if "v2t" in ways else None)


def captions_of(video_of: np.ndarray, videos: int) -> list[np.ndarray]:
    """The places of each video's captions, rising: an array for each of so many covered videos.

    video_of: [C] the video of each caption, -1 where it is not covered.
    """
    described = np.flatnonzero(video_of >= 0)
    order = described[np.argsort(video_of[described], kind="stable")]
    return np.split(order, np.searchsorted(video_of[order], np.arange(1, videos)))
