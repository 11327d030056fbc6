"""Reproduces a published table: trains its rows as a comparison does, and writes ours and quoted side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import files
from pipeline.compare import run as comparisons
from pipeline.compare import table as compared_table
from pipeline.compare.run import Asked, Compared
from pipeline.errors import LaffError, did_you_mean
from pipeline.opening import open_context
from pipeline.outcome import Outcome
from pipeline.plan.context import Context
from pipeline.published.same import Measured
from pipeline.published.table import Table
from pipeline.reproduce.beside import LINE, Beside, Ours
from pipeline.reproduce.rows import RowsToTrain, rows_of
from pipeline.reproduce.stand_ins import StandIns
from pipeline.request import Request
from pipeline.views import formats
from pipeline.views.printed import PLAIN, Paper
from pipeline.views.results import warning

ENDINGS = {"text": "txt", "csv": "csv", "markdown": "md", "latex": "tex"}
NAME = "reproduction"  # of the files


@dataclass(frozen=True)
class Reproduction:
    """A published table beside the rows that were trained here."""

    beside: Beside
    notes: list[str]  # what a reader has to know of the rows trained here
    outcome: Outcome
    folder: Path
    failed: Mapping[str, str]  # rows whose training failed -> why

    def written(self, form: str, paper: Paper = PLAIN) -> str:
        """Both side by side in one of `formats.FORMATS`; paper: of text."""
        if form == "csv":
            return formats.csv_text([LINE, *self.beside.lines()])
        return formats.written(self.beside.tables(self.notes), form, paper)


def test_set(table: Table, asked: str, protocol: str) -> str:
    """The test set whose figures are quoted: the one asked for, else that of the protocol, else the first."""
    if asked and asked not in table.sets:
        raise LaffError(
            f"--test-set {asked}: {table.id} has no such test set{did_you_mean(asked, list(table.sets))}; it has "
            f"{', '.join(table.sets)}"
        )
    return asked or table.set_of(protocol) or next(iter(table.sets))


def check(table: Table, stand_ins: StandIns, asked_set: str = "") -> None:
    """Raise LaffError where no model of ours is in the table, or where options name what is not in it."""
    if not table.runs:
        measured = f"`{table.command}` measures the same" if table.command else table.why
        raise LaffError(f"{table.id}: there is nothing to train: {measured}")
    stand_ins.check(table)
    test_set(table, asked_set, "")


def rows_here(table: Table, context: Context, stand_ins: StandIns) -> RowsToTrain:
    """The rows that can be trained on a collection. LaffError where there is none, with all reasons."""
    rows = rows_of(table, context.graph, stand_ins)
    if not rows.grid.models:
        reasons = dict.fromkeys(rows.lacking.values())
        raise LaffError(
            f"{table.id}: no row can be run here\n" + "\n".join(f"  - {why}" for why in reasons), list(reasons)
        )
    return rows


def dry_run(request: Request, table: Table, stand_ins: StandIns, seeds: Sequence[int], paper: Paper = PLAIN) -> str:
    """A text of what would be trained, how long that takes, and what cannot be run; makes nothing."""
    rows = rows_here(table, open_context(request), stand_ins)
    text = comparisons.dry_run(request, Asked(rows.grid, seeds=tuple(seeds)), paper)
    return "\n".join([text, *(f"not run here: {row} of {part}: {why}" for (part, row), why in rows.lacking.items())])


def reproduce(
    request: Request,
    table: Table,
    stand_ins: StandIns,
    seeds: Sequence[int] = (),
    asked_set: str = "",
    retry: bool = False,
) -> Reproduction:
    """Train the rows of a table that are not cached, as `laff compare` does; write WORK/compare/reproduce-<id>/.

    seeds: in place of the grid's three; asked_set: the test set to quote, in place of the protocol's.
    """
    context = open_context(request)
    protocol = context.collection.protocol if context.collection else ""
    rows = rows_here(table, context, stand_ins)
    compared = comparisons.compare(request, Asked(rows.grid, seeds=tuple(seeds)), retry)
    side_by_side = Beside(
        table, test_set(table, asked_set, protocol), _ours(context, rows, compared, stand_ins), _lacking(rows, compared)
    )
    reproduction = Reproduction(
        side_by_side, _notes(compared, protocol, stand_ins), compared.outcome, compared.folder, compared.failed
    )
    for form, ending in ENDINGS.items():
        files.write_text(compared.folder / f"{NAME}.{ending}", reproduction.written(form))
    return reproduction


def _ours(context: Context, rows: RowsToTrain, compared: Compared, stand_ins: StandIns) -> dict[tuple[str, str], Ours]:
    """The rows that were trained, with what each was measured on."""
    protocol = context.collection.protocol if context.collection else ""
    untrained = frozenset(name for name, stage in context.graph.stages.items() if stage.random)
    return {
        key: Ours(
            compared.figures["rows"][name]["t2v"],
            Measured(protocol, rows.features[key]["video"], rows.features[key]["text"], stand_ins.called, untrained),
        )
        for key, name in rows.names.items()
        if name in compared.figures["rows"]
    }


def _lacking(rows: RowsToTrain, compared: Compared) -> dict[tuple[str, str], str]:
    """Why rows were not trained: features that are not there, and what the comparison left out."""
    left_out = compared.figures["left_out"]
    return rows.lacking | {key: left_out[name] for key, name in rows.names.items() if name in left_out}


def _notes(compared: Compared, protocol: str, stand_ins: StandIns) -> list[str]:
    """What a reader has to know of our rows: the data, how they were trained, and which features they have."""
    figures = compared.figures
    first = next(iter(figures["rows"].values()))["t2v"]
    named = f"protocol {protocol}" if protocol else "its collection names no protocol"
    notes = [
        f"Ours: {figures['collection']} ({named}), {first['queries']:,} captions among {first['candidates']:,} videos, "
        f"coverage {figures['coverage']:.3f}."
    ]
    notes += compared_table.legend(figures)[:2]  # how they were trained, and what ± is
    if stand_ins.same:
        notes.append("The same under another name: " + _pairs(stand_ins.same, "is") + ".")
    if stand_ins.roles:
        notes.append("In the place of others: " + _pairs(stand_ins.roles, "for") + ".")
    notes += [f"{one[0].upper()}{one[1:]}." for one in figures["unusual"]]
    return [*([f"{warned}."] if (warned := warning(figures)) else []), *notes]


def _pairs(named: Mapping[str, str], word: str) -> str:
    """Stages and features in words: 'conse for clip, minilm for clip-text'."""
    return ", ".join(f"{'nothing' if stage == '-' else stage} {word} {feature}" for feature, stage in named.items())
