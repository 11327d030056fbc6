"""Published figures beside a comparison: those of a grid's `quoted:`, shown apart from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pipeline.errors import LaffError, Problems, did_you_mean
from pipeline.published import quote
from pipeline.published import read as published
from pipeline.published.same import Measured
from pipeline.published.table import Part, Table
from pipeline.views.figure_table import Figure, FigureTable

KEYS = ("source", "protocol", "columns", "rows")  # of figures that a grid holds itself
OWN = ""  # the id of a table that a grid holds itself
FORM = "the id of a published table such as tab-11, a list of ids, or a mapping with " + ", ".join(KEYS)


def read(raw: Any, problems: Problems) -> tuple[Table, ...]:
    """The tables that `quoted:` of a grid names, or the one that it holds; what is wrong goes to `problems`."""
    if raw is None:
        return ()
    if isinstance(raw, dict):
        table = _own(raw, problems)
        return (table,) if table else ()
    if not isinstance(raw, str | list) or not all(isinstance(name, str) for name in raw):
        problems.add(f"quoted should be {FORM}, not {raw!r}")
        return ()
    tables: list[Table] = []
    for name in [raw] if isinstance(raw, str) else raw:
        try:
            tables.append(published.load(name))
        except LaffError as error:
            problems.add(f"quoted: {error}")
    return tuple(tables)


def _own(raw: Mapping[str, Any], problems: Problems) -> Table | None:
    """The table that a grid holds itself: rows of figures by column."""
    if not isinstance(raw.get("rows"), dict):
        problems.add(f"quoted should be {FORM}, not {dict(raw)!r}")
        return None
    problems.extend(
        f"quoted has an unknown key '{key}'{did_you_mean(str(key), KEYS)}" for key in raw if key not in KEYS
    )
    problems.extend([f"quoted: says no {key}" for key in ("source", "protocol") if not isinstance(raw.get(key), str)])
    columns = raw.get("columns")
    if not isinstance(columns, list) or not columns:
        problems.add(f"quoted: columns should list at least one, not {columns!r}")
        return None
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for row, figures in raw["rows"].items():
        if not isinstance(figures, dict):
            problems.add(f"quoted: row '{row}' should map columns to figures, not {figures!r}")
            continue
        problems.extend(
            f"quoted: row '{row}' has an unknown key '{key}'{did_you_mean(str(key), columns)}"
            for key in figures
            if key not in columns
        )
        wrong = [value for value in figures.values() if isinstance(value, bool) or not isinstance(value, int | float)]
        problems.extend([f"quoted: row '{row}' has {value!r}, which is no number" for value in wrong])
        rows[str(row)] = {"": {str(key): value for key, value in figures.items()}}
    return Table(
        id=OWN,
        title=str(raw.get("protocol", "")),
        source=str(raw.get("source", "")),
        metrics=tuple(map(str, columns)),
        sets={"": ()},
        parts={"": Part("", rows)},
    )


def tables(quoted: Sequence[Table], measured: Measured) -> list[FigureTable]:
    """The quoted tables, part by part; those of the sources say what they have in common with what was measured."""
    return [
        part
        for table in quoted
        for part in (quote.quotes(table) if table.id == OWN else quote.quotes_beside(table, measured))
    ]


def as_json(shown: Sequence[FigureTable]) -> list[dict[str, Any]]:
    """Tables as values for JSON; `from_json` gives them back."""
    return [asdict(table) for table in shown]


def from_json(values: Sequence[Mapping[str, Any]]) -> list[FigureTable]:
    """Tables from the values of `as_json`."""
    restored = []
    for value in values:
        rows = [[Figure(**cell) if isinstance(cell, dict) else cell for cell in row] for row in value["rows"]]
        restored.append(FigureTable(**{**value, "rows": rows}))
    return restored
