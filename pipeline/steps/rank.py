"""rank: every caption against every video of test, both ways: run files, and each query's rank from full scores."""

import time
from contextlib import nullcontext
from dataclasses import dataclass, field

from pipeline import progress
from pipeline.errors import LaffError
from pipeline.extraction.target import Made
from pipeline.graph import models
from pipeline.plan.context import Context
from pipeline.plan.plan import Planned
from pipeline.plan.record import record
from pipeline.ranking import both_ways
from pipeline.ranking.candidates import candidates


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
    torch.set_num_threads(context.graph.threads)
    test = candidates(context, context.stage(stage.sources[0]))
    wanted = {f"{row.name}/seed{seed}": (row, seed) for row in models.rows(context, stage) for seed in row.seeds}
    with progress.bar(stage.name, len(planned.todo), "run"):
        for unit in planned.todo:
            row, seed = wanted[unit.key]
            start = time.perf_counter()
            scored = test.scored(row, seed)
            folder = context.work.folder(stage.name) / unit.key
            with progress.bar(unit.key, test.pairs, "pair") if row.pairs else nullcontext():
                both_ways.write(folder, row.name, scored, context.catalog, test.rows, stage.options["k"])
            made = Made(stage.name, unit.key, len(test.rows.captions), time.perf_counter() - start)
            record(context, planned, made, [f"{unit.key}/{name}" for name in both_ways.FILES])
            progress.advance()
