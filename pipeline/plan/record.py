"""Notes of finished units: in the stage's index, in the ledger, in the log of times."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pipeline.errors import LaffError
from pipeline.files import JsonObject
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.units import Unit
from pipeline.store import journal, ledger
from pipeline.store.index import Entry
from pipeline.workers.tasks import Made

TIMES = "times.jsonl"


def record(context: Context, planned: Planned, made: Made, twin: tuple[Entry, JsonObject] | None = None) -> None:
    """Note one finished unit of a stage.

    twin: index entry and recipe of the finished unit whose files were copied, if this one was not computed.
    Failures go to the ledger at once. After the stage's last unit the whole ledger is written again.
    """
    unit = planned.unfinished.pop(made.key)
    index = context.work.index(planned.stage)
    written = index.made(unit.makes)
    if absent := [name for name, status in written.items() if not status]:
        raise LaffError(
            f"{index.folder / absent[0]} was written, but is not here: workers must write into the very folder of -w, "
            "under the same path"
        )
    entry = Entry(
        unit.fingerprint, unit.content, written, made.failed, round(made.seconds, 3), made.rows, made.training
    )
    entry.notes = made.notes
    recipe = unit.recipe
    if twin and twin[0].fingerprint != unit.fingerprint:  # made by earlier code, and accepted
        other, recipe = twin
        entry.fingerprint, entry.accepted, entry.earlier = other.fingerprint, other.accepted, other.earlier
    index.record(unit.key, entry, recipe)
    log_time(context, made)
    context.progress.unit(made.stage, made.key, (line["video"] for line in made.failed))
    if made.failed or made.notes:
        failed, notes = (ledger.timed(lines, entry.time) for lines in (made.failed, made.notes))
        ledger.append(context.work.ledger, [*failed, *map(ledger.as_note, notes)])
    if not planned.unfinished:
        write_ledger(context)


def log_time(context: Context, made: Made) -> None:
    """Add a line to the log of times, and add its seconds to the stage's seconds in this run."""
    context.spent[made.stage] = context.spent.get(made.stage, 0.0) + made.seconds
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "stage": made.stage,
        "unit": made.key,
        "seconds": round(made.seconds, 3),
        "rows": made.rows,
    }
    journal.append(context.work.root / TIMES, [line])


def seconds_of(context: Context, units: Mapping[str, Sequence[Unit]]) -> dict[str, float]:
    """{stage: seconds that its present results took}, summed over all runs, without results that were replaced.

    units: of each stage, as `steps.units` gives them.
    A training counts the seconds of all its epochs, also those in runs that were cut off. If the index has no time for
    a unit, its last line in the log of times counts.
    """
    lines = journal.read(context.work.root / TIMES)
    logged = {(line.get("stage"), line.get("unit")): line.get("seconds", 0.0) for line in lines}
    seconds = {}
    for name, of_stage in units.items():
        entries = context.work.index(name).entries
        seconds[name] = 0.0
        for unit in of_stage:
            entry = entries.get(unit.key)
            seconds[name] += (entry.took if entry else 0.0) or logged.get((name, unit.key), 0.0)
    return seconds


def write_ledger(context: Context) -> None:
    """Write failures.jsonl again, from all finished shards."""
    lines = [line for name in context.graph.stages for line in context.failures(name)]
    lines += [ledger.as_note(line) for name in context.graph.stages for line in context.notes(name)]
    failed = {line["video"] for line in lines}
    known = failed and failed.intersection(context.catalog.videos) | failed.intersection(context.catalog.captions)
    ledger.write(context.work.ledger, [line for line in lines if line["video"] in known])
