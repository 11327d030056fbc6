"""evaluate: metrics.json from the ranks of every row and seed, and each query's rank as CSV."""

import time
from dataclasses import dataclass

from pipeline import files
from pipeline.errors import LaffError
from pipeline.evaluation import results
from pipeline.extraction.target import Made
from pipeline.graph import models
from pipeline.plan.context import Context
from pipeline.plan.plan import Planned
from pipeline.plan.record import record
from pipeline.ranking import ranks_file
from pipeline.ranking.ranks_file import WAYS
from pipeline.views.tables import write_csv


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


def run(context: Context, planned: Planned) -> None:
    """Sum up the ranks of all rows."""
    start = time.perf_counter()
    stage = context.stage(planned.stage)
    rank = context.stage(stage.sources[0])
    folder = context.work.folder(stage.name)
    rows = models.rows(context, rank)
    found = {row.name: ranks_file.read_seeds(context.work.folder(rank.name), row) for row in rows}
    files.write_json(folder / "metrics.json", results.results(context, stage, rows, found))
    for way in WAYS:
        write_csv(folder / f"{way}.csv", results.by_query(rows, found, way))
    names = ["metrics.json", *(f"{way}.csv" for way in WAYS)]
    record(context, planned, Made(stage.name, "evaluate", len(rows), time.perf_counter() - start), names)
