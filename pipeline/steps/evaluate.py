"""evaluate: compute metrics.json from the ranks of every row and seed, and write each query's rank as CSV."""

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
    """One unit that computes all metrics."""
    (source,) = stage.sources
    # Fingerprints are included because no stage's own fingerprint says which models it has.
    content = [[unit.key, unit.fingerprint, unit.content] for unit in steps.units(context, source)]
    return [whole(context, stage, [content, earlier_code(context, [source])])]


def run(context: Context, planned: Planned) -> None:
    """Compute the metrics of all rows and write them."""
    start = time.perf_counter()
    stage = context.stage(planned.stage)
    rank = context.stage(stage.sources[0])
    folder = context.work.folder(stage.name)
    table_rows = models.rows(context.graph, rank)
    ranks = {row.name: ranks_file.read_seeds(context.work.folder(rank.name), row) for row in table_rows}
    files.write_json(folder / "metrics.json", results.results(context, stage, table_rows, ranks))
    for way in WAYS:
        write_csv(folder / f"{way}.csv", results.by_query(table_rows, ranks, way))
    record(context, planned, Made(stage.name, "evaluate", len(table_rows), time.perf_counter() - start))
