"""evaluate: metrics.json from the ranks of every row and seed, and each query's rank as CSV."""

import time
from dataclasses import dataclass

from pipeline import files
from pipeline.errors import LaffError
from pipeline.evaluation import results
from pipeline.files import write_csv
from pipeline.graph import models
from pipeline.graph.graph import Stage
from pipeline.graph.options import BootstrapOptions
from pipeline.plan import steps
from pipeline.plan.accept import earlier_code
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit, whole
from pipeline.ranking import ranks_file
from pipeline.ranking.ranks_file import WAYS
from pipeline.workers.tasks import Made


@dataclass(frozen=True)
class Options(BootstrapOptions):
    """Parameters of the step."""

    HELP = "Compute the metrics."
    SINGLE = True
    READS = ("rank",)
    NEEDS = ("captions of test",)
    TELLS = True
    MAKES = ("metrics.json", "t2v.csv", "v2t.csv")
    STALE = "the runs changed"

    def __post_init__(self) -> None:
        if self.bootstrap < 1 or self.seed < 0:
            raise LaffError(f"bootstrap is {self.bootstrap} and seed {self.seed}; they should be at least 1 and 0")


def units(context: Context, stage: Stage) -> list[Unit]:
    """All metrics at once."""
    (source,) = stage.sources
    # With their fingerprints: which models there are stands in no fingerprint of the stages that they belong to.
    content = [[unit.key, unit.fingerprint, unit.content] for unit in steps.units(context, source)]
    return [whole(context, stage, [content, earlier_code(context, [source])])]


def run(context: Context, planned: Planned) -> None:
    """Sum up the ranks of all rows."""
    start = time.perf_counter()
    stage = context.stage(planned.stage)
    rank = context.stage(stage.sources[0])
    folder = context.work.folder(stage.name)
    rows = models.rows(context.graph, rank)
    ranks = {row.name: ranks_file.read_seeds(context.work.folder(rank.name), row) for row in rows}
    files.write_json(folder / "metrics.json", results.results(context, stage, rows, ranks))
    for way in WAYS:
        write_csv(folder / f"{way}.csv", results.by_query(rows, ranks, way))
    record(context, planned, Made(stage.name, "evaluate", len(rows), time.perf_counter() - start))
