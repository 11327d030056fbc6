"""Compares two rows of results caption by caption: whose rank is better, by how much, and whether it may be chance."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.analyze.place import maker
from pipeline.analyze.subject import named
from pipeline.errors import LaffError, did_you_mean, near_path
from pipeline.evaluation import metrics
from pipeline.evaluation.significance import randomisation
from pipeline.files import JsonObject
from pipeline.graph import models
from pipeline.graph.models import Row
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.ranking import ranks_file
from pipeline.ranking.ranks import Ranks, rank
from pipeline.runfiles import trec
from pipeline.views.tables import digits, p_text


@dataclass(frozen=True)
class CaptionRanks:
    """The ranks that one row or run gives the right videos of the captions of test."""

    name: str
    ranks: np.ndarray  # [seeds, Q] float64, from 1
    depth: float = np.inf  # unknown ranks, which lie behind it, are depth + 1

    @property
    def mean(self) -> np.ndarray:
        """[Q] mean over the seeds."""
        mean: np.ndarray = self.ranks.mean(axis=0)
        return mean

    def cut(self, depth: float) -> "CaptionRanks":
        """These ranks, with depth + 1 in the place of every rank behind `depth`."""
        return self if depth == np.inf else CaptionRanks(self.name, np.minimum(self.ranks, depth + 1), depth)


@dataclass(frozen=True)
class Comparison:
    """Two rows side by side; captions are those of test, in the collection's order."""

    first: CaptionRanks
    second: CaptionRanks
    ids: list[str]
    texts: list[str]
    groups: np.ndarray  # [Q] the caption's video: captions of one video are no independent samples

    @property
    def gain(self) -> np.ndarray:
        """[Q] log2 of how many times lower the rank is in the first: 1 where it is half, -1 where it is twice."""
        gain: np.ndarray = np.log2(self.second.mean / self.first.mean)
        return gain

    def counts(self) -> tuple[int, int, int]:
        """How many captions the first ranks better, worse, and the same."""
        a, b = self.first.mean, self.second.mean
        return int((a < b).sum()), int((a > b).sum()), int((a == b).sum())

    def most(self, number: int, sign: int) -> np.ndarray:
        """The captions with the largest gains (sign 1) or losses (sign -1) of the first, largest first."""
        gain = self.gain * sign
        order = np.argsort(-gain, kind="stable")[:number]
        return order[gain[order] > 0]


def compare(context: Context, first: str, second: str) -> Comparison:
    """Read two rows or run files and put them side by side.

    Where one is a run file of limited depth, ranks behind that depth are depth + 1 in both.
    """
    captions = context.catalog.split_captions("test")
    a, b = (ranks_of(context, name, captions) for name in (first, second))
    depth = min(a.depth, b.depth)
    catalog = context.catalog
    return Comparison(
        a.cut(depth),
        b.cut(depth),
        catalog.ids("text", captions),
        [catalog.texts[row] for row in captions],
        np.asarray(catalog.caption_video)[captions],
    )


def ranks_of(context: Context, name: str, captions: np.ndarray) -> CaptionRanks:
    """The ranks of a row of results, of one of its seeds (ROW/seedK), or of a run file."""
    stage = context.graph.of_step("rank")
    known = {row.name: row for row in models.rows(context.graph, stage)}
    row, _, seed = name.partition("/")
    if row in known:
        return ranks_of_row(context, stage_plan(context, stage.name), known[row], seed, captions)
    if Path(name).is_file():
        return ranks_of_run(context, Path(name), captions)
    if "." in name or name.count("/") > 1:
        raise LaffError(
            f"{name}: no such run file{near_path(Path(name))}, and no row of results{did_you_mean(row, list(known))}: "
            f"{', '.join(known)}"
        )
    named(known, row, "row of results")
    raise AssertionError(name)  # named has raised


def ranks_of_row(context: Context, planned: Planned, row: Row, seed: str, captions: np.ndarray) -> CaptionRanks:
    """A row of this workspace: all of its seeds, or the one that "seedK" says."""
    seeds = [f"seed{number}" for number in row.seeds]
    if seed and seed not in seeds:
        raise LaffError(f"{row.name} has no {seed!r}{did_you_mean(seed, seeds)}; it has {', '.join(seeds)}")
    ids = context.catalog.ids("text", captions)
    ranks = []
    for key in [seed] if seed else seeds:
        if f"{row.name}/{key}" not in {unit.key for unit in planned.cached}:
            raise LaffError(
                f"{row.name}/{key} is not ranked in {context.work.root} as this configuration says; "
                f"run `{maker(planned.stage)}` with the same -c, -w, --profile and --set first"
            )
        folder = context.work.folder(planned.stage) / row.name / key
        stored = ranks_file.read(folder)["t2v"]
        if stored.ids != ids:
            path = folder / ranks_file.NAME
            raise LaffError(f"{path} holds other captions than the test split; run `{maker(planned.stage)}` again")
        ranks.append(stored.ranks.first)
    return CaptionRanks(f"{row.name}/{seed}" if seed else row.name, np.array(ranks))


def ranks_of_run(context: Context, path: Path, captions: np.ndarray) -> CaptionRanks:
    """The ranks of a TREC run: 1 + videos with a higher score + half of the other videos with the same score."""
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
    return CaptionRanks(name, np.minimum(ranks, depth + 1)[None], depth)


def measures(comparison: Comparison) -> list[tuple[str, float, float, float]]:
    """(measure, first, second, p), p of a two-sided randomisation test that keeps a video's captions together.

    A caption's value is the mean over the seeds, so p says how sure the difference is over captions, not over seeds.
    """
    lines = []
    first, second = (metrics.by_query(side.ranks) for side in (comparison.first, comparison.second))
    for name in first:
        a, b = first[name].mean(axis=0), second[name].mean(axis=0)
        lines.append((name, float(a.mean()), float(b.mean()), randomisation(a, b, comparison.groups)))
    return lines


def table(comparison: Comparison) -> list[list[str]]:
    """The cells of the table of measures, a header first. Median and mean rank are not tested."""
    a, b = comparison.first, comparison.second
    cells = [["measure", a.name, b.name, "difference", "p"]]
    for name, one, other, p in measures(comparison):
        n = digits(name)
        cells.append([name, f"{one:.{n}f}", f"{other:.{n}f}", f"{one - other:+z.{n}f}", p_text(p)])
    for name in ("MedR", "MeanR"):
        one, other = (_mean_of(name, ranks) for ranks in (a, b))
        cells.append([name, f"{one:.1f}", f"{other:.1f}", f"{one - other:+z.1f}", "-"])
    return cells


def _mean_of(name: str, of_row: CaptionRanks) -> float:
    """The mean of a summary of ranks over the seeds."""
    sums = [metrics.summary(Ranks(ranks, 1.0 / ranks))[name] for ranks in of_row.ranks]
    return float(np.mean(sums))


def example_table(comparison: Comparison, number: int, sign: int) -> list[list[str]]:
    """The cells of the table of the largest gains or losses, a header first."""
    cells = [["caption", "text", comparison.first.name, comparison.second.name]]
    for at in comparison.most(number, sign):
        ranks = (f"{comparison.first.mean[at]:.1f}", f"{comparison.second.mean[at]:.1f}")
        cells.append([comparison.ids[at], shortened(comparison.texts[at]), *ranks])
    return cells


def summary(comparison: Comparison, number: int) -> JsonObject:
    """The measures of both rows, and the largest gains and losses of the first, for a program."""
    a, b = comparison.first, comparison.second
    examples = {
        side: [
            {
                "caption": comparison.ids[at],
                "text": comparison.texts[at],
                "first": float(a.mean[at]),
                "second": float(b.mean[at]),
            }
            for at in (comparison.most(number, sign) if number else ())
        ]
        for side, sign in (("first better", 1), ("second better", -1))
    }
    tested: JsonObject = {name: {"first": one, "second": other, "p": p} for name, one, other, p in measures(comparison)}
    untested = {name: {"first": _mean_of(name, a), "second": _mean_of(name, b)} for name in ("MedR", "MeanR")}
    return {"measures": tested | untested, "examples": examples}


def shortened(text: str, width: int = 70) -> str:
    """A caption on one line of `width` characters at most."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"
