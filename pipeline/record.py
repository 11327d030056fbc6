"""Note what is finished: in the stage's index, in the ledger, in the log of times."""

import json
from datetime import UTC, datetime
from pathlib import Path

from pipeline import ledger
from pipeline.context import Context
from pipeline.index import Entry
from pipeline.plan import Planned
from pipeline.sweep import Made
from pipeline.units import Unit

TIMES = "times.jsonl"


def record(context: Context, planned: Planned, made: Made, made_files: list[str] | None = None) -> None:
    """Note one finished unit of a stage; `made_files` are its files where it isn't a shard."""
    unit = next(unit for unit in planned.todo if unit.key == made.key)
    note(context, planned.stage, unit, made, made_files or [made.key])


def note(context: Context, stage: str, unit: Unit, made: Made, made_files: list[str]) -> None:
    """Write a unit into its stage's index and log its time."""
    index = context.work.index(stage)
    entry = Entry(
        unit.fingerprint, unit.content, index.made(made_files), made.failed, round(made.seconds, 3), made.rows
    )
    index.record(unit.key, entry, unit.recipe)
    log_time(context.work.root, made)
    context.spent[stage] = context.spent.get(stage, 0.0) + made.seconds
    if made.failed or context.work.ledger.is_file():
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
    with (root / TIMES).open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


def write_ledger(context: Context) -> None:
    """Bring failures.jsonl in line with what the finished shards say."""
    lines = [
        line
        for name in context.graph.stages
        for _, entry in sorted(context.work.index(name).entries.items())
        for line in entry.failed
    ]
    known = set(context.catalog.videos) | set(context.catalog.captions)
    ledger.write(context.work.ledger, [line for line in lines if line["video"] in known])
