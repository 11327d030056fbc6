"""Two rows of results compared caption by caption: whose rank is better, by how much, and may it be chance."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.analyze.place import maker
from pipeline.analyze.subject import named
from pipeline.errors import LaffError, did_you_mean
from pipeline.evaluation import metrics
from pipeline.evaluation.significance import randomisation
from pipeline.graph import models
from pipeline.graph.models import Row
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.ranking import ranks_file, trec
from pipeline.ranking.ranks import Ranks, rank
from pipeline.views.tables import digits, p_text


@dataclass(frozen=True)
class Found:
    """Where one row or run has the right video of each caption of test."""

    name: str
    ranks: np.ndarray  # [seeds, Q] float64, from 1
    depth: float = np.inf  # ranks behind it are not known and stand as depth + 1

    @property
    def mean(self) -> np.ndarray:
        """[Q] mean over the seeds."""
        return self.ranks.mean(axis=0)

    def cut(self, depth: float) -> "Found":
        """The same with every rank behind `depth` as depth + 1."""
        return self if depth == np.inf else Found(self.name, np.minimum(self.ranks, depth + 1), depth)


@dataclass(frozen=True)
class Comparison:
    """Two rows side by side; captions are those of test, in the collection's order."""

    first: Found
    second: Found
    ids: list[str]
    texts: list[str]
    groups: np.ndarray  # [Q] the caption's video: captions of one video are no independent samples

    @property
    def gain(self) -> np.ndarray:
        """[Q] log2 of how many times lower the rank is in the first: 1 where it is half, -1 where it is twice."""
        gain: np.ndarray = np.log2(self.second.mean / self.first.mean)
        return gain

    def counts(self) -> tuple[int, int, int]:
        """Captions that the first finds earlier, later, and at the same rank."""
        a, b = self.first.mean, self.second.mean
        return int((a < b).sum()), int((a > b).sum()), int((a == b).sum())

    def most(self, number: int, sign: int) -> np.ndarray:
        """The captions with the largest gains (sign 1) or losses (sign -1) of the first, largest first."""
        gain = self.gain * sign
        order = np.argsort(-gain, kind="stable")[:number]
        return order[gain[order] > 0]


def compare(context: Context, first: str, second: str) -> Comparison:
    """Read both; ranks behind the depth of the shorter run file count as one more than that depth, for both."""
    captions = context.catalog.split_captions("test")
    a, b = (_found(context, name, captions) for name in (first, second))
    depth = min(a.depth, b.depth)
    catalog = context.catalog
    return Comparison(
        a.cut(depth),
        b.cut(depth),
        catalog.ids("text", captions),
        [catalog.texts[row] for row in captions],
        np.asarray(catalog.caption_video)[captions],
    )


def _found(context: Context, name: str, captions: np.ndarray) -> Found:
    stage = context.graph.of_step("rank")
    rows = {row.name: row for row in models.rows(context.graph, stage)}
    row, _, seed = name.partition("/")
    if row in rows:
        return _row(context, stage_plan(context, stage.name), rows[row], seed, captions)
    if Path(name).is_file():
        return _run(context, Path(name), captions)
    if "." in name or name.count("/") > 1:
        raise LaffError(f"{name}: no such run file, and no row of results: {', '.join(rows)}")
    named(rows, row, "row of results")
    raise AssertionError(name)  # named has raised


def _row(context: Context, planned: Planned, row: Row, seed: str, captions: np.ndarray) -> Found:
    """A row of this workspace: all of its seeds, or the one that "seedK" says."""
    seeds = [f"seed{number}" for number in row.seeds]
    if seed and seed not in seeds:
        raise LaffError(f"{row.name} has no {seed!r}{did_you_mean(seed, seeds)}; it has {', '.join(seeds)}")
    ids = context.catalog.ids("text", captions)
    ranks = []
    for one in [seed] if seed else seeds:
        if f"{row.name}/{one}" not in {unit.key for unit in planned.cached}:
            raise LaffError(
                f"{row.name}/{one} is not ranked in {context.work.root} as this configuration says; "
                f"run `{maker(planned.stage)}` with the same -c, -w, --profile and --set first"
            )
        folder = context.work.folder(planned.stage) / row.name / one
        ranked = ranks_file.read(folder)["t2v"]
        if ranked.ids != ids:
            path = folder / ranks_file.NAME
            raise LaffError(f"{path} holds other captions than the test split; run `{maker(planned.stage)}` again")
        ranks.append(ranked.ranks.first)
    return Found(f"{row.name}/{seed}" if seed else row.name, np.array(ranks))


def _run(context: Context, path: Path, captions: np.ndarray) -> Found:
    """A TREC run of anyone's: 1 + videos with a higher score + half of the others with the same."""
    catalog = context.catalog
    place = {id_: at for at, id_ in enumerate(catalog.ids("text", captions))}
    ranks = np.full(len(captions), np.inf)
    depth = 0
    unanswered = set(catalog.ids("text", catalog.queries()))
    for query, items in trec.read_run(path):
        if query in unanswered:
            continue
        if query not in place:
            raise LaffError(
                f"{path}: query '{query}' is no caption of test; a run of captions (t2v) with the collection's ids is "
                "needed"
            )
        row = int(captions[place[query]])
        right = catalog.videos[int(catalog.caption_video[row])]
        depth = max(depth, len(items))
        scores = np.array([score for _, score in items])
        at = [number for number, (item, _) in enumerate(items) if item == right]
        if at:
            ranks[place[query]] = rank(scores[None], np.array(at[:1])).first[0]
    if not depth:
        raise LaffError(f"{path}: holds no query")
    name = path.name.removesuffix(".gz").removesuffix(".trec")
    if name == "t2v":  # of a workspace: its folder tells which
        name = "-".join((*path.absolute().parent.parts[-2:], name))
    return Found(name, np.minimum(ranks, depth + 1)[None], depth)


def measures(comparison: Comparison) -> list[tuple[str, float, float, float]]:
    """(measure, first, second, p) with the two-sided p of a randomisation test that keeps a video's captions together.

    A caption's value is the mean over the seeds, so p says how sure the difference is over captions, not over seeds.
    """
    found = []
    first, second = (metrics.by_query(one.ranks) for one in (comparison.first, comparison.second))
    for name in first:
        a, b = first[name].mean(axis=0), second[name].mean(axis=0)
        found.append((name, float(a.mean()), float(b.mean()), randomisation(a, b, comparison.groups)))
    return found


def rows(comparison: Comparison) -> list[list[Any]]:
    """The table of measures for a terminal, a header first. Median and mean have no test of their own."""
    a, b = comparison.first, comparison.second
    table: list[list[Any]] = [["measure", a.name, b.name, "difference", "p"]]
    for name, one, other, p in measures(comparison):
        n = digits(name)
        table.append([name, f"{one:.{n}f}", f"{other:.{n}f}", f"{one - other:+z.{n}f}", p_text(p)])
    for name in ("MedR", "MeanR"):
        one, other = (_mean_of(name, found) for found in (a, b))
        table.append([name, f"{one:.1f}", f"{other:.1f}", f"{one - other:+z.1f}", "-"])
    return table


def _mean_of(name: str, found: Found) -> float:
    sums = [metrics.summary(Ranks(ranks, 1.0 / ranks))[name] for ranks in found.ranks]
    return float(np.mean(sums))


def example_rows(comparison: Comparison, number: int, sign: int) -> list[list[Any]]:
    """The table of the largest gains or losses, a header first."""
    table: list[list[Any]] = [["caption", "text", comparison.first.name, comparison.second.name]]
    for at in comparison.most(number, sign):
        ranks = (f"{comparison.first.mean[at]:g}", f"{comparison.second.mean[at]:g}")
        table.append([comparison.ids[at], shortened(comparison.texts[at]), *ranks])
    return table


def shortened(text: str, width: int = 70) -> str:
    """A caption on one line."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"
