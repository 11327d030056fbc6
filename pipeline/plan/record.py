"""Note what is finished: in the stage's index, in the ledger, in the log of times."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import LaffError
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.store import journal, ledger
from pipeline.store.index import Entry
from pipeline.workers.tasks import Made

TIMES = "times.jsonl"


def record(context: Context, planned: Planned, made: Made, twin: tuple[Entry, dict[str, Any]] | None = None) -> None:
    """Note one finished unit of a stage; `twin`: record and recipe of another whose files it took over.

    Failures are told at once; when the stage's last unit is finished, the ledger is brought in line as a whole.
    """
    unit = planned.unfinished.pop(made.key)
    index = context.work.index(planned.stage)
    stands = index.made(unit.makes)
    if lost := [name for name, status in stands.items() if not status]:
        raise LaffError(
            f"{index.folder / lost[0]} was written, but is not here: workers must write into the very folder of -w, "
            "under the same path"
        )
    entry = Entry(unit.fingerprint, unit.content, stands, made.failed, round(made.seconds, 3), made.rows, made.training)
    recipe = unit.recipe
    if twin and twin[0].fingerprint != unit.fingerprint:  # made by earlier code, and accepted
        other, recipe = twin
        entry.fingerprint, entry.accepted, entry.earlier = other.fingerprint, other.accepted, other.earlier
    index.record(unit.key, entry, recipe)
    log_time(context.work.root, made)
    context.spent[planned.stage] = context.spent.get(planned.stage, 0.0) + made.seconds
    if made.failed:
        ledger.append(context.work.ledger, made.failed)
    if not planned.unfinished:
        write_ledger(context)


def log_time(root: Path, made: Made) -> None:
    """Add a line to the log of times, which the report sums up by stage."""
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "stage": made.stage,
        "unit": made.key,
        "seconds": round(made.seconds, 3),
        "rows": made.rows,
    }
    journal.append(root / TIMES, [line])


def write_ledger(context: Context) -> None:
    """Bring failures.jsonl in line with what the finished shards say."""
    lines = [line for name in context.graph.stages for line in context.failures(name)]
    failed = {line["video"] for line in lines}
    known = failed and failed.intersection(context.catalog.videos) | failed.intersection(context.catalog.captions)
    ledger.write(context.work.ledger, [line for line in lines if line["video"] in known])
