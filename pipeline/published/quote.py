"""Published figures as tables to be shown, and as lines for a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.published import same
from pipeline.published.same import Measured
from pipeline.published.table import Figures, Part, Table
from pipeline.views.figure_table import Cell, Figure, FigureTable

LINE = ("table", "part", "model", "tag", "test set", "protocol", "metric", "figure")  # header of `lines`
MISSING = "-"  # what the source does not give


def text(value: float) -> str:
    """A figure with the digits that tables of the field have: 28.0, 0.356, 160, 9."""
    return f"{value:.3f}" if 0 < value < 1 else f"{value:g}"


def digits_of(metric: str, value: float) -> str:
    """A figure with the digits of its metric: R@1 always has one behind the point."""
    if metric == "MFLOPs":
        return f"{value:.2f}"
    return f"{value:.1f}" if metric.startswith("R@") or metric == "gain" else text(value)


def quotes(table: Table, sets: Sequence[str] = ()) -> list[FigureTable]:
    """The parts of a table as they are quoted, on all test sets or on `sets`; the table's notes are below the last."""
    parts = [part for part in table.parts.values() if not sets or set(sets) & set(table.sets_of(part))]
    return [quoted(table, part, sets, notes=part is parts[-1]) for part in parts]


def quotes_beside(table: Table, measured: Measured) -> list[FigureTable]:
    """The parts of a table as they are quoted, each with whether it may be held against figures measured here."""
    shown = []
    for part, of_part in zip(table.parts.values(), quotes(table), strict=True):
        source, *others = of_part.notes
        shown.append(replace(of_part, notes=[source, f"Beside ours: {beside(table, part, measured)}.", *others]))
    return shown


def beside(table: Table, part: Part, measured: Measured) -> str:
    """Whether the rows of a part may be held against what was measured, in words."""
    name = table.set_of(measured.protocol)
    if differing := same.differences(measured, table.sets.get(name, ()), part.features):
        return same.in_words(differing)
    return f"the same features, and {name} is the same protocol"


def quoted(table: Table, part: Part, sets: Sequence[str] = (), notes: bool = True) -> FigureTable:
    """A part of a table as it is quoted: on all of its test sets, or on `sets`.

    A single test set has a column for each metric, several have one column each, with its metrics between slashes.
    """
    shown = [name for name in table.sets_of(part) if not sets or name in sets]
    tagged, one = any(part.tags.values()), len(shown) == 1
    first = "topic" if all(row.isdecimal() for row in part.rows) else "model"
    header = [first, *(table.metrics if one else shown), *(["note"] if tagged else [])]
    rows: list[list[Cell]] = []
    for row, figures in part.rows.items():
        if not any(name in figures for name in shown):
            continue
        cells: list[Cell] = [row]
        if one:
            cells += [_cell(figures[shown[0]], metric) for metric in table.metrics]
        else:
            cells += [_joined(table, figures.get(name, {})) for name in shown]
        rows.append([*cells, *([part.tags.get(row, "")] if tagged else [])])
    texts = [f"Source: {table.source}.", features_text(part), *(table.notes if notes else ())]
    alike = "R@1" in table.metrics and not tagged and not part.tag  # else no row is the best of all
    groups = None if alike else ()
    return FigureTable(header, rows, title_of(table, part, shown), [one for one in texts if one], groups=groups)


def title_of(table: Table, part: Part, sets: Sequence[str]) -> str:
    """What a part is, in words: its title, what its rows have in common, and what its columns are."""
    details = [part.about or ("" if part.tag or len(table.parts) == 1 else part.name), part.tag]
    columns = sets[0] if len(sets) == 1 else " / ".join(table.metrics)
    return ", ".join(filter(None, [f"{table.title}: {details[0]}" if details[0] else table.title, details[1], columns]))


def features_text(part: Part) -> str:
    """The features of a part as a sentence; '' where they are not known."""
    sides = [f"{side} {', '.join(names)}" for side, names in part.features.items() if names]
    return f"Features: {'; '.join(sides)}." if sides else ""


def _cell(figures: Figures, metric: str) -> Cell:
    """The cell of one figure."""
    return Figure(digits_of(metric, figures[metric]), figures[metric]) if metric in figures else MISSING


def _joined(table: Table, figures: Figures) -> Cell:
    """The cell of all metrics on one test set."""
    if not figures:
        return ""
    if table.metrics == ("mean", "std"):
        return f"{figures['mean']:.2f} ± {figures['std']:.2f}"
    if len(table.metrics) == 1:
        (metric,) = table.metrics
        return _cell(figures, metric)
    return " / ".join(digits_of(metric, figures[metric]) if metric in figures else MISSING for metric in table.metrics)


def lines(table: Table, sets: Sequence[str] = ()) -> list[list[Any]]:
    """Every figure of a table as a line, on all test sets or on `sets`; LINE is their header."""
    return [
        [table.id, part.name, row, part.tags.get(row) or part.tag, name, " ".join(table.sets[name]), metric, figure]
        for part in table.parts.values()
        for row, of_sets in part.rows.items()
        for name, figures in of_sets.items()
        if not sets or name in sets
        for metric, figure in figures.items()
    ]
