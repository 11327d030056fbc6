"""The formats in which a table is printed or written: text, CSV, Markdown, LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from pipeline.views import latex, markdown
from pipeline.views.figure_table import Figure, FigureTable
from pipeline.views.printed import PLAIN, Paper, text

FORMATS = ("text", "csv", "markdown", "latex")


def written(tables: Sequence[FigureTable], form: str, paper: Paper = PLAIN) -> str:
    """Tables in one of FORMATS, with a line end at the end; paper: of text. The notes of a CSV are left out."""
    if form == "text":
        return "\n\n".join(text(table, paper) for table in tables) + "\n"
    if form == "csv":
        return csv_text([row for table in tables for row in csv_rows(table)])
    return markdown.document(tables) if form == "markdown" else latex.document(tables)


def csv_rows(table: FigureTable) -> list[list[str | float]]:
    """A header and the rows; a column of figures is two, mean and std, with all their digits."""
    numeric = [any(isinstance(row[at], Figure) for row in table.rows) for at in range(len(table.header))]
    rows: list[list[str | float]] = [[]]
    for name, is_figure in zip(table.header, numeric, strict=True):
        rows[0] += [f"{name} mean", f"{name} std"] if is_figure else [name]
    for cells in table.rows:
        row: list[str | float] = []
        for cell, is_figure in zip(cells, numeric, strict=True):
            if isinstance(cell, Figure):
                row += [cell.mean, cell.std]
            else:
                row += [cell, ""] if is_figure else [cell]
        rows.append(row)
    return rows


def csv_text(rows: Sequence[Sequence[object]]) -> str:
    """Rows as the text of a CSV file."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
