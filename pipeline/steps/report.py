"""report: write what came of a run as one HTML page."""

import time
from dataclasses import dataclass

from pipeline import files
from pipeline.graph.graph import Stage
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit, whole
from pipeline.report.page import page
from pipeline.store import ledger
from pipeline.workers.tasks import Made


@dataclass(frozen=True)
class Options:
    """Parameters of the step: none."""

    HELP = "Write the report page."
    SINGLE = True
    DEFAULT = True
    READS = ("evaluate",)
    TELLS = True
    MAKES = ("index.html", "measured.json")
    STALE = "the results changed"


def units(context: Context, stage: Stage) -> list[Unit]:
    """One page."""
    (source,) = stage.sources
    # Fingerprints are included because no stage's own fingerprint says which models it has.
    content = [[unit.key, unit.fingerprint, unit.content] for unit in steps.units(context, source)]
    lines = (ledger.read(context.work.ledger), ledger.notes(context.work.ledger))
    failures, noted = ([[line["video"], line["stage"], line["reason"]] for line in kind] for kind in lines)
    return [whole(context, stage, [content, failures, *([noted] if noted else [])])]


def run(context: Context, planned: Planned) -> None:
    """Write WORK/report/index.html."""
    start = time.perf_counter()
    stage = context.stage(planned.stage)
    files.write_text(context.work.folder(stage.name) / "index.html", page(context, stage))
    record(context, planned, Made(stage.name, "report", 1, time.perf_counter() - start))
