"""What a published table needs, in words: data by its protocol, features by name; and what of it is there."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.files import JsonObject
from pipeline.plan.context import Context
from pipeline.plan.up_to_date import not_up_to_date
from pipeline.published import read
from pipeline.published.table import Table
from pipeline.reproduce.stand_ins import NONE, StandIns, names
from pipeline.views.figure_table import FigureTable
from pipeline.views.printed import PLAIN, Paper, columns

HINT = (
    "A feature that the stages file does not make comes from a file of yours by `laff import`. --as FEATURE=STAGE says "
    "that a stage of yours\nis that feature, --stand-in FEATURE=STAGE lets another feature play its part (- does "
    "without); a feature's text side is\nFEATURE-text where it has another stage."
)


def overview() -> str:
    """All tables, each with what it needs and what measures the same."""
    return "\n\n".join(map(entry, read.every()))


def entry(table: Table) -> str:
    """One table in a few lines."""
    lines = [f"{table.id:<14} {table.title}", f"source: {table.source}"]
    if data := [f"{name} ({' or '.join(known)})" if known else name for name, known in table.sets.items()]:
        lines.append(f"data: {', '.join(data)}")
    lines += [f"{side}: {', '.join(of_side)}" for side, of_side in names(table).items() if of_side]
    lines.append(how(table))
    return f"\n{'':<15}".join(lines)


def summary(table: Table) -> JsonObject:
    """One table as `laff reproduce --json` gives it."""
    return {
        "id": table.id,
        "title": table.title,
        "source": table.source,
        "data": {name: list(known) for name, known in table.sets.items()},
        "features": {side: list(of_side) for side, of_side in names(table).items()},
        "trained": table.runs,
        "how": how(table),
    }


def how(table: Table) -> str:
    """What measures the same here."""
    if table.runs:
        return f"run by: laff reproduce {table.id} -c collection.yaml -w WORK (the models of the grid {table.grid})"
    return f"measured by: {table.command}" if table.command else f"quoted only: {table.why}"


def prepared_by(protocol: str) -> str:
    """The command that makes a collection by a protocol."""
    dataset, _, name = protocol.partition("/")
    return f"laff prepare {dataset} --protocol {name}"


def needed(table: Table, stand_ins: StandIns, context: Context | None = None, paper: Paper = PLAIN) -> str:
    """The table of what is needed; with a context also what is there of it."""
    rows = [["what", "needed", "by", "here"]]
    here = context.collection.protocol if context and context.collection else ""
    for name, protocols in table.sets.items():
        for protocol in protocols:
            state = "" if not context else "yes" if here == protocol else here or "the collection names no protocol"
            rows.append([f"data, {name}", protocol, prepared_by(protocol), state])
    for side, features in names(table).items():
        rows += [[side, name, *_feature(name, side, stand_ins, context)] for name in features]
    if not context:
        rows = [row[:-1] for row in rows]
    return columns(FigureTable.of(rows, left=len(rows[0]), keys=2), paper)


def _feature(name: str, side: str, stand_ins: StandIns, context: Context | None) -> Sequence[str]:
    """The stage that stands for a feature, and its state."""
    stage = stand_ins.stage(name, side)
    if stage == NONE:
        return "done without", ""
    by = f"stage {stage}" + ("" if stage == name else " (the same)" if stage in stand_ins.called else " (in its place)")
    if context is None:
        return by, ""
    if lacking := stand_ins.lacking(context.graph, name, side):
        return by, lacking
    ingest = context.graph.of_step("ingest").name
    states = not_up_to_date(context, [one for one in context.graph.needed([stage]) if one != ingest])
    state = "made" if not states else f"to be made: {', '.join(state.stage for state in states)}"
    return by, f"{state}, with random weights" if context.stage(stage).random else state
