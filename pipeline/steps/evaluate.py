"""evaluate: metrics.json from the ranks of every row and seed, and each query's rank as CSV."""

import csv
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import files
from pipeline.errors import LaffError
from pipeline.evaluation import metrics
from pipeline.evaluation.metrics import Ranks
from pipeline.graph import models
from pipeline.plan.context import Context
from pipeline.plan.plan import Planned
from pipeline.plan.record import record
from pipeline.rows import shards
from pipeline.workers.tasks import Made

TIES = (
    "rank = 1 + non-relevant strictly above the first relevant item + half of the non-relevant equal to it; "
    "R@k counts rank <= k; MedR is not floored; AP sorts the relevant by 1 + strictly above + half of other equals"
)
WAYS = ("t2v", "v2t")


@dataclass(frozen=True)
class Options:
    """Parameters of the step."""

    CODE = ("pipeline.evaluation.metrics",)
    OWN = ("pipeline.steps.evaluate",)

    bootstrap: int = 1000  # samples of the 95 % interval of R@10; queries of one video are drawn together
    seed: int = 0  # of these samples

    def __post_init__(self) -> None:
        if self.bootstrap < 1 or self.seed < 0:
            raise LaffError(f"bootstrap is {self.bootstrap} and seed {self.seed}; they should be at least 1 and 0")


@dataclass
class Found:
    """What one row found with one seed, one way."""

    ids: list[str]
    ranks: Ranks
    covered: np.ndarray  # [Q] bool
    groups: np.ndarray  # [Q] queries that belong together
    candidates: int
    relevant: np.ndarray  # [Q] how many relevant items each has


def run(context: Context, planned: Planned) -> None:
    """Sum up the ranks of all rows."""
    start = time.perf_counter()
    stage = context.stage(planned.stage)
    rank = context.stage(stage.sources[0])
    rows = models.rows(context, rank)
    folder = context.work.folder(stage.name)
    found = {
        row.name: [read(context.work.folder(rank.name) / row.name / f"seed{seed}") for seed in row.seeds]
        for row in rows
    }
    result: dict[str, Any] = {
        "protocol": f"{context.name}: every caption of test is a query, all videos of test are candidates",
        "ties": TIES,
        "coverage": coverage(context, rank.sources[0])["test"]["coverage"],
        "splits": coverage(context, rank.sources[0]),
        "untrained": [name for name in context.graph.needed([stage.name]) if context.stage(name).random],
        "models": {},
        "bootstrap": {},
    }
    for row in rows:
        seeds = found[row.name]
        result["models"][row.name] = {way: summed([one[way] for one in seeds], row.seeds) for way in WAYS}
        result["bootstrap"][row.name] = {way: _interval([one[way] for one in seeds], stage.options) for way in WAYS}
        if not seeds[0]["t2v"].covered.all():
            kept = [{way: _covered(one[way], way) for way in WAYS} for one in seeds]
            result["models"][f"{row.name} (covered only)"] = {
                way: summed([one[way] for one in kept], row.seeds) for way in WAYS
            }
    any_row = next(iter(found.values()))[0]
    result["models"]["chance"] = {way: _chance(any_row[way]) for way in WAYS}
    files.write_json(folder / "metrics.json", result)
    for way in WAYS:
        files.write_text(
            folder / f"{way}.csv", _per_query({row.name: (row.seeds, found[row.name]) for row in rows}, way)
        )
    names = ["metrics.json", "t2v.csv", "v2t.csv"]
    record(context, planned, Made(stage.name, "evaluate", len(rows), time.perf_counter() - start), names)


def coverage(context: Context, train: str) -> dict[str, dict[str, Any]]:
    """Of each split: its videos, those with every feature, their share, and its captions."""
    lost = context.lost(context.features(train)[0])
    found: dict[str, dict[str, Any]] = {}
    for split in ("train", "val", "test"):
        videos = {context.catalog.videos[row] for row in context.catalog.split_videos(split)}
        kept = len(videos - lost)
        captions = len(context.catalog.split_captions(split))
        found[split] = {"videos": len(videos), "covered": kept, "coverage": kept / len(videos), "captions": captions}
    return found


def read(folder: Path) -> dict[str, Found]:
    """What a row found with one seed, from its folder in the rank stage's: {"t2v": …, "v2t": …}."""
    path = folder / "ranks.h5"
    shard = shards.read(path)
    column = {
        name: shards.column(path, name)
        for name in (
            "covered",
            "precision",
            "video",
            "v2t_ids",
            "v2t_first",
            "v2t_precision",
            "v2t_covered",
            "v2t_relevant",
        )
    }
    first = np.asarray(shard.values)[:, 0]
    videos = column["v2t_ids"].tolist()
    ones = np.ones(len(first), dtype=np.int64)
    return {
        "t2v": Found(
            shard.ids, Ranks(first, column["precision"]), column["covered"], column["video"], len(videos), ones
        ),
        "v2t": Found(
            videos,
            Ranks(column["v2t_first"], column["v2t_precision"]),
            column["v2t_covered"],
            np.arange(len(videos)),
            len(shard.ids),
            column["v2t_relevant"],
        ),
    }


def _covered(found: Found, way: str) -> Found:
    """The same without the queries whose video is uncovered. Captions of uncovered videos stay candidates of v2t."""
    mask = found.covered
    ids = [id_ for id_, there in zip(found.ids, mask, strict=True) if there]
    candidates = len(np.unique(found.groups[mask])) if way == "t2v" else found.candidates
    return Found(ids, found.ranks.take(mask), mask[mask], found.groups[mask], candidates, found.relevant[mask])


def summed(seeds: Sequence[Found], numbers: Sequence[int]) -> dict[str, Any]:
    """{metric: {mean, std, seeds}}, queries, candidates; std is that of a sample, 0 for a single seed."""
    each = [metrics.summary(found.ranks) for found in seeds]
    table: dict[str, Any] = {name: spread([one[name] for one in each]) for name in each[0]}
    return table | {"queries": len(seeds[0].ids), "candidates": seeds[0].candidates, "seed_numbers": list(numbers)}


def spread(values: Sequence[float]) -> dict[str, Any]:
    """{mean, std, seeds} of one metric."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "std": std, "seeds": [float(value) for value in values]}


def _interval(seeds: Sequence[Found], options: dict[str, Any]) -> dict[str, list[float]]:
    """95 % interval of R@10, averaged over seeds before resampling."""
    hits = np.mean([found.ranks.first <= 10 for found in seeds], axis=0) * 100.0
    low, high = metrics.bootstrap(
        hits, lambda values: float(values.mean()), options["seed"], options["bootstrap"], seeds[0].groups
    )
    return {"R@10": [low, high]}


def _chance(found: Found) -> dict[str, Any]:
    table: dict[str, Any] = {
        name: spread([value]) for name, value in metrics.chance(found.candidates, found.relevant).items()
    }
    return table | {"queries": len(found.ids), "candidates": found.candidates, "seed_numbers": []}


def _per_query(found: dict[str, tuple[Sequence[int], list[dict[str, Found]]]], way: str) -> str:
    """CSV: a line per query, its rank in a column for each row and seed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = {
        f"{name}/seed{seed}": one[way]
        for name, (seeds, ones) in found.items()
        for seed, one in zip(seeds, ones, strict=True)
    }
    first = next(iter(columns.values()))
    writer.writerow(["query", "covered", *columns])
    for row, id_ in enumerate(first.ids):
        writer.writerow([id_, int(first.covered[row]), *(f"{one.ranks.first[row]:g}" for one in columns.values())])
    return out.getvalue()
