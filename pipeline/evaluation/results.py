"""Results: the content of metrics.json, and the rank of each query for a CSV, from the ranks of all rows and seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from pipeline.evaluation import metrics
from pipeline.evaluation.coverage import Coverage, coverage
from pipeline.graph.graph import Stage
from pipeline.graph.models import Row
from pipeline.graph.options import BootstrapOptions
from pipeline.plan.accept import earlier_code
from pipeline.plan.context import Context
from pipeline.ranking.ranks import RULE
from pipeline.ranking.ranks_file import WAYS, Ranked, asking

if TYPE_CHECKING:  # else the code of tables would count in the fingerprint
    from pipeline.views.tables import Metric

TIES = (
    f"places: {RULE}, the mean over all orders of the tie; rank = place of the first relevant item; R@k counts "
    "rank <= k; MedR is not floored; AP = mean of j / r_j over the places r_1 < r_2 < … of all relevant items"
)
VAL_IS_TEST = "val is test: the best epoch was chosen by these very queries"
INTERVAL = 10  # k of the R@k that has an interval

Seeds = Sequence[Mapping[str, Ranked]]  # the ranks of a row with each of its seeds, by way
Table = dict[str, Any]  # of a row and way: metric -> Metric; queries, candidates: int; seed_numbers: list[int]
Interval = dict[str, list[float]]  # metric -> [low, high]


class Results(TypedDict, total=False):
    """Content of metrics.json."""

    protocol: str  # the name of the protocol where it has one, then queries and candidates in words
    unusual: list[str]  # see `unusual`
    ties: str  # how equal scores are ranked
    coverage: float  # of test
    splits: dict[str, Coverage]
    untrained: list[str]  # stages with random weights
    models: dict[str, dict[str, Table]]  # row -> way; and `second`, what it is, of a row of second scoring
    bootstrap: dict[str, dict[str, Interval]]  # row -> way
    earlier_code: dict[str, list[str]]  # see `accept.earlier_code`; not there where it is empty
    package: dict[str, str]  # name and sha256 of the one that the models came in; not there where they learned here


def results(context: Context, stage: Stage, rows: Sequence[Row], ranks: Mapping[str, Seeds]) -> Results:
    """Results of an evaluate stage for all rows, and by chance; `ranks` by the row's name.

    A row with uncovered queries is there twice: with these queries at the last rank, and without them. Rows of second
    scoring are the last, behind chance, and say what they are.
    """
    splits = coverage(
        context, context.stage(stage.sources[0]).sources[0], [row.features[0] for row in rows if row.features]
    )
    models: dict[str, dict[str, Table]] = {}
    intervals: dict[str, dict[str, Interval]] = {}
    resampling = stage.options_as(BootstrapOptions)
    for row in rows:
        intervals[row.name] = {way: interval([seed[way] for seed in ranks[row.name]], resampling) for way in row.ways}
        if row.second is None:
            models |= _tables(row, ranks[row.name])
    any_row = next(iter(ranks.values()))[0]
    models["chance"] = {way: _chance(any_row[way]) for way in WAYS}
    for row in rows:
        if row.second is not None:
            about = {"second": row.second.about()}
            models |= {name: tables | about for name, tables in _tables(row, ranks[row.name]).items()}
    content: Results = {
        "protocol": protocol(context),
        "unusual": unusual(context),
        "ties": TIES,
        "coverage": splits["test"]["coverage"],
        "splits": splits,
        "untrained": [name for name in context.graph.needed([stage.name]) if context.stage(name).random],
        "models": models,
        "bootstrap": intervals,
    }
    if earlier := earlier_code(context, [stage.name]):
        content["earlier_code"] = earlier
    if package := context.graph.package:
        content["package"] = {"name": package.name, "sha256": package.sha256}
    return content


def _tables(row: Row, seeds: Seeds) -> dict[str, dict[str, Table]]:
    """Tables of a row by way, under its name; and of its covered queries alone, where others are not."""
    tables = {row.name: {way: summed([seed[way] for seed in seeds], row.seeds) for way in row.ways}}
    if not seeds[0]["t2v"].covered.all():
        tables[f"{row.name} (covered only)"] = {
            way: summed([_covered(seed[way]) for seed in seeds], row.seeds) for way in row.ways
        }
    return tables


def protocol(context: Context) -> str:
    """Name the protocol, if it has a name, the queries and the candidates, and what is unusual about them."""
    named = [context.collection.protocol] if context.collection and context.collection.protocol else []
    usual = f"{context.name}: every caption of test is a query, all videos of test are candidates"
    return "; ".join([*named, usual, *unusual(context)])


def unusual(context: Context) -> list[str]:
    """Warnings to read beside all figures of this collection: candidates without captions, a val that is test."""
    catalog = context.catalog
    videos = catalog.split_videos("test")
    silent = len(videos) - len(asking(catalog))
    warnings = [f"{silent} of the {len(videos)} candidates have no caption"] if silent else []
    return warnings + ([VAL_IS_TEST] if catalog.aliases.get("val") == "test" else [])


def summed(seeds: Sequence[Ranked], numbers: Sequence[int]) -> Table:
    """Table of a row over its seeds, whose numbers are `numbers`; std is that of a sample, 0 for a single seed."""
    summaries = [metrics.summary(ranked.ranks) for ranked in seeds]
    return _table({name: [summary[name] for summary in summaries] for name in summaries[0]}, seeds[0], numbers)


def _chance(ranked: Ranked) -> Table:
    """Table of a system that ranks by chance."""
    expected = metrics.chance(ranked.candidates, ranked.relevant)
    return _table({name: [value] for name, value in expected.items()}, ranked, ())


def _table(values: Mapping[str, Sequence[float]], ranked: Ranked, numbers: Sequence[int]) -> Table:
    table: Table = {name: spread(of_seeds) for name, of_seeds in values.items()}
    return table | {"queries": len(ranked.ids), "candidates": ranked.candidates, "seed_numbers": list(numbers)}


def spread(values: Sequence[float]) -> Metric:
    """Mean and standard deviation of one metric over seeds."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "std": std, "seeds": [float(value) for value in values]}


def interval(seeds: Sequence[Ranked], options: BootstrapOptions) -> Interval:
    """Confidence interval, 95 %, of R@10, averaged over seeds before resampling; options: those of the step."""
    hits = np.mean([ranked.ranks.first <= INTERVAL for ranked in seeds], axis=0) * 100.0
    low, high = metrics.bootstrap(hits, options.seed, options.bootstrap, seeds[0].groups)
    return {f"R@{INTERVAL}": [low, high]}


def _covered(ranked: Ranked) -> Ranked:
    """Leave out the queries whose video is uncovered."""
    mask = ranked.covered
    ids = [id_ for id_, covered in zip(ranked.ids, mask, strict=True) if covered]
    count = ranked.covered_candidates
    return Ranked(ids, ranked.ranks.take(mask), mask[mask], ranked.groups[mask], count, count, ranked.relevant[mask])


def by_query(rows: Sequence[Row], ranks: Mapping[str, Seeds], way: str) -> Iterator[list[str | int]]:
    """Lines of a CSV, a header first: a query, whether it is covered, its rank in a column for each row and seed."""
    columns = {
        f"{row.name}/seed{number}": seed[way]
        for row in rows
        if way in row.ways
        for number, seed in zip(row.seeds, ranks[row.name], strict=True)
    }
    any_column = next(iter(columns.values()))
    yield ["query", "covered", *columns]
    for query, id_ in enumerate(any_column.ids):
        first_ranks = (f"{ranked.ranks.first[query]:g}" for ranked in columns.values())
        yield [id_, int(any_column.covered[query]), *first_ranks]
