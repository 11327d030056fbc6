"""metrics.json, and each query's rank for a CSV: what the ranks of all rows and seeds come to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.evaluation import metrics
from pipeline.evaluation.coverage import coverage
from pipeline.graph.graph import Stage
from pipeline.graph.models import Row
from pipeline.plan.accept import earlier_code
from pipeline.plan.context import Context
from pipeline.ranking.ranks import RULE
from pipeline.ranking.ranks_file import WAYS, Ranked, asking

TIES = (
    f"places: {RULE}, the mean over all orders of the tie; rank = place of the first relevant item; R@k counts "
    "rank <= k; MedR is not floored; AP = mean of j / r_j over the places r_1 < r_2 < … of all relevant items"
)
VAL_IS_TEST = "val is test: the best epoch was chosen by these very queries"
INTERVAL = 10  # k of the R@k that has an interval

Seeds = Sequence[Mapping[str, Ranked]]  # what a row found with each of its seeds, both ways


def results(context: Context, stage: Stage, rows: Sequence[Row], found: Mapping[str, Seeds]) -> dict[str, Any]:
    """What an evaluate stage says of all rows, and of chance; `found` by the row's name.

    Rows with uncovered queries stand there twice: with these at the last rank, and without them.
    """
    splits = coverage(context, context.stage(stage.sources[0]).sources[0])
    models: dict[str, Any] = {}
    intervals: dict[str, Any] = {}
    for row in rows:
        seeds = found[row.name]
        models[row.name] = {way: summed([one[way] for one in seeds], row.seeds) for way in WAYS}
        intervals[row.name] = {way: interval([one[way] for one in seeds], stage.options) for way in WAYS}
        if not seeds[0]["t2v"].covered.all():
            models[f"{row.name} (covered only)"] = {
                way: summed([_covered(one[way]) for one in seeds], row.seeds) for way in WAYS
            }
    any_row = next(iter(found.values()))[0]
    models["chance"] = {way: _chance(any_row[way]) for way in WAYS}
    earlier = earlier_code(context, [stage.name])
    return (
        {
            "protocol": protocol(context),
            "unusual": unusual(context),
            "ties": TIES,
            "coverage": splits["test"]["coverage"],
            "splits": splits,
            "untrained": [name for name in context.graph.needed([stage.name]) if context.stage(name).random],
            "models": models,
            "bootstrap": intervals,
        }
        | ({"earlier_code": earlier} if earlier else {})
        | _package(context)
    )


def _package(context: Context) -> dict[str, Any]:
    """The package whose models these are, where they learned elsewhere."""
    package = context.graph.package
    return {"package": {"name": package.name, "sha256": package.sha256}} if package else {}


def protocol(context: Context) -> str:
    """Who asks, and who may be the answer; and what is unusual about them."""
    usual = f"{context.name}: every caption of test is a query, all videos of test are candidates"
    return "; ".join([usual, *unusual(context)])


def unusual(context: Context) -> list[str]:
    """What figures of this collection should not be read without: silent candidates, a val that is test."""
    catalog = context.catalog
    videos = catalog.split_videos("test")
    silent = len(videos) - len(asking(catalog))
    said = [f"{silent} of the {len(videos)} candidates have no caption"] if silent else []
    return said + ([VAL_IS_TEST] if catalog.aliases.get("val") == "test" else [])


def summed(seeds: Sequence[Ranked], numbers: Sequence[int]) -> dict[str, Any]:
    """{metric: {mean, std, seeds}}, queries, candidates; std is that of a sample, 0 for a single seed."""
    each = [metrics.summary(ranked.ranks) for ranked in seeds]
    return _table({name: [one[name] for one in each] for name in each[0]}, seeds[0], numbers)


def _chance(ranked: Ranked) -> dict[str, Any]:
    """The same of a system that knows nothing."""
    expected = metrics.chance(ranked.candidates, ranked.relevant)
    return _table({name: [value] for name, value in expected.items()}, ranked, ())


def _table(values: Mapping[str, Sequence[float]], ranked: Ranked, numbers: Sequence[int]) -> dict[str, Any]:
    table: dict[str, Any] = {name: spread(of_seeds) for name, of_seeds in values.items()}
    return table | {"queries": len(ranked.ids), "candidates": ranked.candidates, "seed_numbers": list(numbers)}


def spread(values: Sequence[float]) -> dict[str, Any]:
    """{mean, std, seeds} of one metric."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "std": std, "seeds": [float(value) for value in values]}


def interval(seeds: Sequence[Ranked], options: Mapping[str, Any]) -> dict[str, list[float]]:
    """95 % interval of R@10, averaged over seeds before resampling."""
    hits = np.mean([ranked.ranks.first <= INTERVAL for ranked in seeds], axis=0) * 100.0
    low, high = metrics.bootstrap(
        hits, lambda values: float(values.mean()), options["seed"], options["bootstrap"], seeds[0].groups
    )
    return {f"R@{INTERVAL}": [low, high]}


def _covered(ranked: Ranked) -> Ranked:
    """The same without the queries whose video is uncovered."""
    mask = ranked.covered
    ids = [id_ for id_, there in zip(ranked.ids, mask, strict=True) if there]
    left = ranked.covered_candidates
    return Ranked(ids, ranked.ranks.take(mask), mask[mask], ranked.groups[mask], left, left, ranked.relevant[mask])


def by_query(rows: Sequence[Row], found: Mapping[str, Seeds], way: str) -> Iterator[list[Any]]:
    """Lines of a CSV, a header first: a query, whether it is covered, its rank in a column for each row and seed."""
    columns = {
        f"{row.name}/seed{seed}": one[way] for row in rows for seed, one in zip(row.seeds, found[row.name], strict=True)
    }
    first = next(iter(columns.values()))
    yield ["query", "covered", *columns]
    for number, id_ in enumerate(first.ids):
        ranks = (f"{one.ranks.first[number]:g}" for one in columns.values())
        yield [id_, int(first.covered[number]), *ranks]
