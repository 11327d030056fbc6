"""rank: every caption against every video of test, both ways: run files, and each query's rank from full scores."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import progress
from pipeline.assembly import assemble, features
from pipeline.assembly.features import Rows
from pipeline.errors import LaffError
from pipeline.evaluation import metrics
from pipeline.evaluation.metrics import Ranks
from pipeline.graph import models
from pipeline.graph.models import Row
from pipeline.plan.context import Context
from pipeline.plan.plan import Planned
from pipeline.plan.record import record
from pipeline.ranking import pair_scores, trec
from pipeline.ranking.scores import Scored, of_vectors
from pipeline.rows import shards
from pipeline.workers.tasks import Made

if TYPE_CHECKING:
    from torch import Tensor

    from fusion.features import Split
    from fusion.spaces import Spaces

BLOCK = 512  # queries that are scored at once
SCORES = 1 << 26  # scores of a block at most: 256 MiB, and copies of it
EMBEDDED = 1024  # rows that are embedded at once


@dataclass(frozen=True)
class Options:
    """Parameters of the step."""

    HOW = ("pairs",)
    CODE = ("pipeline.evaluation.metrics", "fusion.paired", "fusion.features")
    OWN = (
        "pipeline.steps.rank",
        "pipeline.ranking.trec",
        "pipeline.assembly.assemble",
        "pipeline.ranking.pair_scores",
        "pipeline.ranking.scores",
    )

    k: int = 100  # items in a run, per query
    pairs: dict[str, list[str]] = field(default_factory=dict)  # rows without training: name -> [video, text feature]

    def __post_init__(self) -> None:
        if self.k < 1:
            raise LaffError(f"k is {self.k}; a run holds at least one item")


def run(context: Context, planned: Planned) -> None:
    """Rank for every row and seed that is missing."""
    import torch

    stage = context.stage(planned.stage)
    train = context.stage(stage.sources[0])
    torch.set_num_threads(context.graph.threads)
    encoders = assemble.joints(context, train)
    rows = assemble.rows(context, train, "test", lost=True)
    whole = assemble.split(context, rows, encoders)
    first, of_text = distinct([context.catalog.texts[row] for row in rows.captions])
    wanted = {f"{row.name}/seed{seed}": (row, seed) for row in models.rows(context, stage) for seed in row.seeds}
    with progress.bar(stage.name, len(planned.todo), "run") as bar, ExitStack() as inner:
        for unit in planned.todo:
            row, seed = wanted[unit.key]
            start = time.perf_counter()
            scores = []
            for model in row.models:
                own = assemble.part_of(whole, model)
                paired = assemble.trained(context, train, model, own, encoders, seed)
                if paired.scores_pairs:
                    scores.append(pair_scores.of_model(paired, own, first))
                    continue
                texts = embed(paired.embed_text, *each_text(paired, own, first))
                scores.append(of_vectors(texts, embed(paired.embed_video, own.video_rows, len(rows.videos))))
            if row.pairs:
                video, text = context.stage(row.features[0]), row.features[1]
                pairs = inner.enter_context(progress.bar(unit.key, len(first) * len(rows.videos), "pair"))
                scores.append(pair_scores.of_features(context, row.name, video, text, rows, first, pairs))
            elif row.features:
                scores.append(cosines(context, row, rows, first))
            scored = Scored(scores, of_text, len(rows.videos))
            write(context, scored, rows, row, context.work.folder(stage.name) / unit.key, stage.options["k"])
            inner.close()  # the bar of its pairs
            names = [f"{unit.key}/{name}" for name in ("t2v.trec.gz", "v2t.trec.gz", "ranks.h5")]
            record(context, planned, Made(stage.name, unit.key, len(rows.captions), time.perf_counter() - start), names)
            bar.advance()


def distinct(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Places [U] where each different text first stands, and [C] which of them each text is."""
    known: dict[str, int] = {}
    of = np.array([known.setdefault(text, len(known)) for text in texts], dtype=np.int64)
    first = np.full(len(known), len(texts), dtype=np.int64)
    np.minimum.at(first, of, np.arange(len(texts)))
    return first, of


def each_text(model: "Spaces", split: "Split", rows: np.ndarray) -> tuple[Callable, int]:
    """What `embed` takes of the captions with these row numbers [U]; sentence encoders see all of them at once.

    So words are looked up once, and captions that begin alike can share their steps. The rest comes block by block.
    """
    import torch

    from fusion.features import Feature, take

    each = torch.from_numpy(rows)
    with torch.no_grad():
        encoded = model.encoded({name: take(split.text[name], each) for name in model.encoders if name in split.text})

    def of_block(block: "Tensor") -> dict[str, Feature]:
        here = {name: take(feature, block) for name, feature in encoded.items()}
        return {name: here[name] if name in here else take(whole, each[block]) for name, whole in split.text.items()}

    return of_block, len(rows)


def embed(function: Callable, take: Callable, count: int) -> "Tensor":
    """function(take(row numbers)) of `count` rows in blocks, without gradients -> [count, W] float32."""
    import torch

    found = torch.empty(0)
    with torch.no_grad():
        for block in torch.arange(count).split(EMBEDDED):
            vectors = function(take(block))
            if not len(found):
                found = vectors.new_empty(count, vectors.shape[1])
            found[block] = vectors
    return found


def cosines(context: Context, row: Row, rows: Rows, first: np.ndarray) -> pair_scores.Score:
    """The scores of a row of two features. LaffError where they are not of one width, or lists of words."""
    video, text = row.features
    texts, videos = features.read(context, text, "text", rows.captions[first])[0], rows.video[video]
    if not isinstance(texts, np.ndarray) or texts.shape[1] != videos.shape[1]:
        kind = f"is {texts.shape[1]} wide" if isinstance(texts, np.ndarray) else "counts words"
        raise LaffError(
            f"pairs.{row.name}: '{video}' is {videos.shape[1]} wide and '{text}' {kind}; a cosine takes two features "
            "of one model"
        )
    return of_vectors(normalised(texts), normalised(videos))


def normalised(values: np.ndarray) -> "Tensor":
    """Rows of length 1; a zero row stays zero."""
    import torch

    return torch.from_numpy(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12))


def write(context: Context, scored: Scored, rows: Rows, row: Row, folder: Path, k: int) -> None:
    """Two run files, and ranks.h5: what each query of the split found, uncovered ones at the last rank."""
    catalog = context.catalog
    caption_ids = catalog.ids("text", rows.captions)
    video_ids = catalog.ids("video", rows.videos)
    every_video = catalog.split_videos("test")
    place = np.searchsorted(every_video, rows.videos)
    covered = np.flatnonzero(rows.video_of >= 0)
    # Uncovered videos rank below all others: that leaves the ranks of covered ones as they are.
    t2v = Ranks.last(len(caption_ids), len(every_video))
    v2t = Ranks.last(len(every_video), len(caption_ids))
    order = covered[np.argsort(rows.video_of[covered], kind="stable")]
    own = np.split(order, np.searchsorted(rows.video_of[order], np.arange(1, len(rows.videos))))

    def by_caption() -> Iterator[tuple[str, trec.Found]]:
        for block in blocks(np.arange(len(caption_ids)), len(video_ids)):
            scores = scored.of_captions(block)
            here = rows.video_of[block] >= 0
            t2v.put(block[here], metrics.rank(scores[here], rows.video_of[block][here]))
            yield from named(caption_ids, block, video_ids, *trec.top_k(scores, k))

    def by_video() -> Iterator[tuple[str, trec.Found]]:
        for block in blocks(np.arange(len(rows.videos)), len(caption_ids)):
            scores = scored.of_videos(block)
            v2t.put(place[block], metrics.rank(scores, [own[video] for video in block]))
            yield from named(video_ids, block, caption_ids, *trec.top_k(scores, k))

    trec.write_run(folder / "t2v.trec.gz", by_caption(), row.name)
    trec.write_run(folder / "v2t.trec.gz", by_video(), row.name)
    video_of = np.asarray(catalog.caption_video)[rows.captions]
    columns = {
        "covered": rows.video_of >= 0,
        "precision": t2v.precision,
        "video": video_of,
        "v2t_ids": np.array(catalog.ids("video", every_video), dtype="S"),
        "v2t_first": v2t.first,
        "v2t_precision": v2t.precision,
        "v2t_covered": np.isin(every_video, rows.videos),
        "v2t_relevant": np.bincount(video_of, minlength=len(catalog.videos))[every_video],
    }
    about = {"row": row.name, "queries": len(caption_ids), "candidates": len(every_video)}
    shards.write(folder / "ranks.h5", caption_ids, t2v.first[:, None], about, (), columns)


def blocks(rows: np.ndarray, items: int = 1) -> Iterator[np.ndarray]:
    """Row numbers in blocks, of BLOCK rows or fewer where their scores of so many items would be more than SCORES."""
    count = max(1, min(BLOCK, SCORES // max(1, items)))
    for start in range(0, len(rows), count):
        yield rows[start : start + count]


def named(
    queries: list[str], block: np.ndarray, items: list[str], columns: np.ndarray, scores: np.ndarray
) -> Iterator[tuple[str, trec.Found]]:
    """Rows of a run: the block's queries with the names and scores of what they found."""
    for query, found, values in zip(block, columns, scores, strict=True):
        yield queries[query], [(items[item], float(score)) for item, score in zip(found, values, strict=True)]
