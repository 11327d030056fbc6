"""Ours and published side by side: a table for each part, and lines for a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.published import quote, same
from pipeline.published.quote import digits_of, features_text, title_of
from pipeline.published.same import Measured
from pipeline.published.table import Figures, Part, Table
from pipeline.reproduce.rows import parts_of
from pipeline.views.figure_table import Cell, Figure, FigureTable, figure
from pipeline.views.tables import Metric, digits

OURS, QUOTED, DIFFERENCE = "ours", "quoted", "ours - quoted"
LINE = (
    *("table", "part", "model", "test set", "metric", "ours mean", "ours std", "seeds", "quoted", "ours - quoted"),
    "not compared",
)  # header of `lines`


@dataclass(frozen=True)
class Ours:
    """A row that was trained here: its figures, and what they were measured on."""

    metrics: Mapping[str, Metric]  # text to video
    measured: Measured


@dataclass(frozen=True)
class Beside:
    """A published table on one of its test sets, with the rows that were trained here."""

    table: Table
    test_set: str
    ours: Mapping[tuple[str, str], Ours]  # (part, row)
    lacking: Mapping[tuple[str, str], str]  # (part, row) -> why it was not trained

    def published(self, part: Part, row: str) -> Figures:
        """The figures of the source; {} where it gives none on this test set."""
        return part.rows[row].get(self.test_set, {})

    def differences(self, part: Part, row: str) -> str:
        """What keeps a row from being compared, in words; '' for nothing."""
        one = self.ours[part.name, row]
        return same.in_words(same.differences(one.measured, self.table.sets[self.test_set], part.of(row)))

    def tables(self, notes: Sequence[str] = ()) -> list[FigureTable]:
        """A table for each part that has figures, those that are only quoted last.

        The source's own notes and `notes` stand below the last one with rows of ours.
        """
        parts = [part for part in parts_of(self.table) if self._has_figures(part)]
        shown = [self._table(part, [*self.table.notes, *notes] if part is parts[-1] else ()) for part in parts]
        others = [part for part in self.table.parts.values() if not part.features and self._has_figures(part)]
        return shown + [quote.quoted(self.table, part, [self.test_set], notes=False) for part in others]

    def _has_figures(self, part: Part) -> bool:
        """Whether a part has a figure on this test set, of the source or of ours."""
        return any(self.published(part, row) or (part.name, row) in self.ours for row in part.rows)

    def _table(self, part: Part, notes: Sequence[str]) -> FigureTable:
        """Two or three lines for each row: ours, quoted, and the difference where there is one."""
        metrics = self.table.metrics
        rows: list[list[Cell]] = []
        groups: dict[str, list[int]] = {OURS: [], QUOTED: []}
        breaks: list[int] = []
        for row in part.rows:
            breaks.append(len(rows))
            published = self.published(part, row)
            lines: list[tuple[str, list[Cell], str]] = []
            if one := self.ours.get((part.name, row)):
                why = self.differences(part, row)
                lines.append((OURS, [figure(one.metrics[metric], metric) for metric in metrics], why))
            else:
                lines.append((OURS, ["-"] * len(metrics), "not run here, see below"))
            lines.append((QUOTED, [_published(published, metric) for metric in metrics], ""))
            if one and not why and published:
                lines.append((DIFFERENCE, [_difference(one.metrics, published, metric) for metric in metrics], ""))
            for kind, cells, remark in lines:
                if kind in groups:
                    groups[kind].append(len(rows))
                rows.append([row if kind == OURS else "", kind, *cells, remark])
        texts = [f"Source: {self.table.source}.", features_text(part)]
        texts += [f"{row}: not run here: {why}." for (name, row), why in self.lacking.items() if name == part.name]
        header = ["model", "figures", *metrics, "no difference, because of"]
        if not any(row[-1] for row in rows):
            header, rows = header[:-1], [row[:-1] for row in rows]
        title = title_of(self.table, part, [self.test_set])
        return FigureTable(header, rows, title, [*texts, *notes], 2, list(groups.values()), breaks)

    def lines(self) -> list[list[Any]]:
        """Every figure as a line, with all its digits; LINE is their header."""
        figure_lines: list[list[Any]] = []
        for part in parts_of(self.table):
            for row in part.rows:
                one, published = self.ours.get((part.name, row)), self.published(part, row)
                why = self.differences(part, row) if one else self.lacking.get((part.name, row), "")
                for metric in self.table.metrics:
                    ours: list[Any] = ["", "", ""]
                    quoted = published.get(metric, "")
                    difference: float | str = ""
                    if one:
                        measured = one.metrics[metric]
                        ours = [measured["mean"], measured["std"], len(measured["seeds"])]
                        if not why and metric in published:
                            difference = measured["mean"] - published[metric]
                    figure_lines.append(
                        [self.table.id, part.name, row, self.test_set, metric, *ours, quoted, difference, why]
                    )
        return figure_lines


def _published(figures: Figures, metric: str) -> Cell:
    """The cell of a published figure."""
    return Figure(digits_of(metric, figures[metric]), figures[metric]) if metric in figures else "-"


def _difference(ours: Mapping[str, Metric], published: Figures, metric: str) -> Cell:
    """Ours minus quoted, with the spread of ours: a source gives none of its own."""
    if metric not in published:
        return "-"
    number = digits(metric)
    text = f"{ours[metric]['mean'] - published[metric]:+z.{number}f}"
    return f"{text} ± {ours[metric]['std']:.{number}f}" if len(ours[metric]["seeds"]) > 1 else text
