"""How the results of two runs differ: metrics of the rows that both rank, with a paired test on the queries of both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.difference.side import Side
from pipeline.evaluation import metrics
from pipeline.evaluation.results import spread
from pipeline.evaluation.significance import randomisation
from pipeline.files import JsonObject
from pipeline.ranking import ranks_file
from pipeline.ranking.ranks import Ranks
from pipeline.ranking.ranks_file import WAYS, Ranked
from pipeline.views.tables import Metric


@dataclass(frozen=True)
class RowDifference:
    """One row of results, one way, in two runs; figures are of the queries that both have."""

    row: str
    way: str
    seeds: tuple[list[int], list[int]]  # of the first and of the second run
    first: dict[str, Metric]  # metric -> over seeds
    second: dict[str, Metric]
    queries: int
    equal: bool  # whether every query has the same rank with every seed
    p: float | None  # of the difference of average precision; None where the candidates differ

    def as_json(self) -> JsonObject:
        """The row for programs."""
        return {
            "row": self.row,
            "way": self.way,
            "seeds": {"a": self.seeds[0], "b": self.seeds[1]},
            "queries": self.queries,
            "equal": self.equal,
            "p": self.p,
            "a": self.first,
            "b": self.second,
            "difference": {name: self.second[name]["mean"] - self.first[name]["mean"] for name in self.first},
        }


@dataclass(frozen=True)
class Results:
    """The rows that both runs have, and what has to be known beside them."""

    rows: list[RowDifference] = field(default_factory=list)
    only_first: list[str] = field(default_factory=list)  # rows
    only_second: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether both have the same rows, each query with the same ranks."""
        return not (self.only_first or self.only_second or self.notes) and all(row.equal for row in self.rows)

    def as_json(self) -> JsonObject:
        """The results for programs."""
        return {
            "rows": [row.as_json() for row in self.rows],
            "only_a": self.only_first,
            "only_b": self.only_second,
            "notes": self.notes,
        }


def differing(first: Side, second: Side) -> Results:
    """The results of the rows that both have ranked."""
    here, there = _ranked(first), _ranked(second)
    notes = []
    candidates = _candidates(first), _candidates(second)
    if here and there and candidates[0] != candidates[1]:
        notes.append(
            f"the candidates differ ({len(candidates[0]):,} and {len(candidates[1]):,} videos of test, "
            f"{len(candidates[0] & candidates[1]):,} in both), so ranks are not comparable and nothing is tested"
        )
    for side, ranked in ((first, here), (second, there)):
        if not ranked:
            notes.append(f"{side.label} has no results yet")
    shared = [row for row in here if row in there]
    rows = [one for row in shared for one in _row(row, here[row], there[row], tested=candidates[0] == candidates[1])]
    asked = {row.way: row.queries for row in rows}
    for way, count in asked.items():
        notes += _other_queries(way, count, here, there, shared)
    return Results(rows, [row for row in here if row not in there], [row for row in there if row not in here], notes)


def _other_queries(
    way: str, count: int, here: dict[str, list[Path]], there: dict[str, list[Path]], shared: Sequence[str]
) -> list[str]:
    """A note where the queries of one way differ, by those of the first row that both have."""
    row = shared[0]
    totals = [len(ranks_file.read(folders[row][0])[way].ids) for folders in (here, there)]
    if totals == [count, count]:
        return []
    return [f"{way}: {totals[0]:,} and {totals[1]:,} queries; figures are of the {count:,} that both have"]


def _ranked(side: Side) -> dict[str, list[Path]]:
    """{row: the folders of its seeds} that a run's rank stage has finished, in the order of its index."""
    found: dict[str, list[Path]] = {}
    for stage in side.graph.stages_of("rank"):
        folder = side.work.folder(stage.name)
        for key, entry in side.work.index(stage.name).entries.items():
            row, file = key.rpartition("/")[0], f"{key}/{ranks_file.NAME}"
            if file in entry.made and (folder / file).is_file():
                found.setdefault(row, []).append(folder / key)
    return found


def _candidates(side: Side) -> set[str]:
    """The videos that are ranked."""
    return set(side.catalog.ids("video", side.catalog.split_videos("test").tolist()))


def _read(folders: Sequence[Path]) -> dict[int, dict[str, Ranked]]:
    """{seed: the ranks of a row}, in the order of the seeds."""
    by_seed = {int(folder.name.removeprefix("seed")): folder for folder in folders}
    return {seed: ranks_file.read(by_seed[seed]) for seed in sorted(by_seed)}


def _row(row: str, first: Sequence[Path], second: Sequence[Path], tested: bool) -> Iterator[RowDifference]:
    """A row in each way that both rank, on the queries that both have; first, second: the folders of its seeds."""
    here, there = _read(first), _read(second)
    numbers = [*here], [*there]
    for way in WAYS:
        one, other = ([ranked[way] for ranked in side.values() if way in ranked] for side in (here, there))
        at, places = _shared(one[0].ids, other[0].ids) if one and other else (np.zeros(0), np.zeros(0))
        if not len(at):
            continue
        ranks = [[ranked.ranks.take(rows) for ranked in side] for side, rows in ((one, at), (other, places))]
        equal = numbers[0] == numbers[1] and len(at) == len(one[0].ids) == len(other[0].ids)
        equal = equal and all(
            np.array_equal(a.first, b.first) and np.array_equal(a.precision, b.precision)
            for a, b in zip(*ranks, strict=True)
        )
        precisions = [np.mean([seed.precision for seed in side], axis=0) for side in ranks]
        p = randomisation(precisions[0], precisions[1], one[0].groups[at]) if tested else None
        yield RowDifference(row, way, numbers, _figures(ranks[0]), _figures(ranks[1]), len(at), equal, p)


def _figures(seeds: Sequence[Ranks]) -> dict[str, Metric]:
    """Metric -> over seeds."""
    summaries = [metrics.summary(ranks) for ranks in seeds]
    return {name: spread([summary[name] for summary in summaries]) for name in summaries[0]}


def _shared(ids: Sequence[str], others: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The places of the queries that both have, in both: [n], [n]."""
    place_of = {id_: place for place, id_ in enumerate(others)}
    pairs = [(at, place_of[id_]) for at, id_ in enumerate(ids) if id_ in place_of]
    places = np.array(pairs, np.int64).reshape(-1, 2)
    return places[:, 0], places[:, 1]
