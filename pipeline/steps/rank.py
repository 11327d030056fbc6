"""rank: score every caption of test against every video; write run files both ways, and exact ranks."""

import time
from contextlib import nullcontext
from dataclasses import dataclass

from pipeline import progress
from pipeline.errors import LaffError
from pipeline.graph import models, rescoring
from pipeline.graph.graph import Stage
from pipeline.graph.models import Row
from pipeline.graph.options import PairOptions
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit, nothing, ranked
from pipeline.ranking import both_ways
from pipeline.ranking.candidates import candidates
from pipeline.ranking.second import Plain, scored_again
from pipeline.ranking.texts import NO_BANK
from pipeline.workers.tasks import Made


@dataclass(frozen=True)
class Options(PairOptions):
    """Parameters of the step."""

    HELP = "Rank videos for captions and captions for videos."
    SINGLE = True
    READS = ("train",)
    MAY_READ = ("vectors",)
    NAMES_MORE = ("pairs", "rescore")
    NEEDS = ("texts of test",)
    MAKES = ("{unit}/t2v.trec.gz", "{unit}/v2t.trec.gz", "{unit}/ranks.h5")
    STALE = "the test split changed, or what the models learned from"
    HOW = ("pairs", "rescore")

    k: int = 100  # items in a run, per query

    def __post_init__(self) -> None:
        if self.k < 1:
            raise LaffError(f"k is {self.k}; a run holds at least one item")
        rescoring.methods(self.rescore)


def units(context: Context, stage: Stage) -> list[Unit]:
    """One unit for each row of results and seed; one without files if there is no row."""
    runs = [unit for row in models.rows(context.graph, stage) for unit in ranked(context, stage, row)]
    return runs or [nothing(context, stage)]


def problems(context: Context, stage: Stage) -> list[str]:
    """Nothing to rank, and rows of two features that have no cosine, as far as their widths are known."""
    mistakes = []
    table_rows = models.rows(context.graph, stage)
    if not table_rows:
        mistakes.append(
            f"'{stage.name}' has nothing to rank: '{stage.sources[0]}' trains no model, and pairs names no features, "
            f"as --set '{stage.name}.pairs={{conse: [conse, conse]}}' does"
        )
    for row in table_rows:
        if not row.features:
            continue
        where = f"'{stage.name}': pairs.{row.name}"
        video, text = (context.stage(name) for name in row.features)
        if text.part and text.part.member("sparse"):
            mistakes.append(f"{where}: '{text.name}' counts words and has no cosine with a video")
        video_width, text_width = (steps.shape(context, feature)[0] for feature in (video, text))
        if 1 not in (video_width, text_width) and video_width != text_width:
            mistakes.append(
                f"{where}: '{video.name}' is {video_width} wide and '{text.name}' {text_width}; a cosine takes two "
                "features of one model"
            )
    return mistakes + _second_problems(context, stage, table_rows)


def _second_problems(context: Context, stage: Stage, rows: list[Row]) -> list[str]:
    """What second scoring lacks: captions of train, or features that have a cosine."""
    mistakes = {}
    for second in (row.second for row in rows if row.second):
        where = f"'{stage.name}': rescore: {second.method}"
        if isinstance(second.how, rescoring.QbNorm) and not len(context.catalog.split_captions("train")):
            mistakes[second.method] = f"{where}: {NO_BANK}"
        if second.features:
            video, text = (context.stage(name) for name in second.features)
            widths = [steps.shape(context, feature)[0] for feature in (video, text)]
            if text.part and text.part.member("sparse"):
                mistakes[second.method] = f"{where}: '{text.name}' counts words and has no cosine with a frame"
            elif 1 not in widths and widths[0] != widths[1]:
                mistakes[second.method] = (
                    f"{where}: '{video.name}' is {widths[0]} wide and '{text.name}' {widths[1]}; a cosine takes two "
                    "features of one model"
                )
    return list(mistakes.values())


def run(context: Context, planned: Planned) -> None:
    """Rank for every missing row and seed."""
    import torch

    stage = context.stage(planned.stage)
    torch.set_num_threads(context.graph.threads)
    test = candidates(context, stage)
    row_and_seed = {
        f"{row.name}/seed{seed}": (row, seed) for row in models.rows(context.graph, stage) for seed in row.seeds
    }
    groups: dict[tuple[str, int], list[Unit]] = {}  # units that are scored by the same models and features
    for unit in planned.todo:
        row, seed = row_and_seed[unit.key]
        groups.setdefault((row.second.of if row.second else row.name, seed), []).append(unit)
    with progress.bar(stage.name, len(planned.todo), "run") as bar:
        for units_alike in groups.values():
            row, seed = row_and_seed[units_alike[0].key]
            start = time.perf_counter()
            with progress.bar(units_alike[0].key, test.pairs(row), "pair") if row.pairs else nullcontext() as pairs:
                scorers = test.scorers(row, seed, pairs)
                plain = Plain(test, scorers, test.scored(row, scorers))
                for unit in units_alike:
                    row, _ = row_and_seed[unit.key]
                    folder, k = context.work.folder(stage.name) / unit.key, stage.options_as(Options).k
                    scores, covered = scored_again(row, plain)
                    both_ways.write(folder, row.name, scores, context.catalog, covered, k, row.ways)
                    seconds, start = time.perf_counter() - start, time.perf_counter()
                    record(context, planned, Made(stage.name, unit.key, len(test.rows.captions), seconds))
                    bar.advance()
