"""The table of results of a run, the content of metrics.json, as it is printed."""

from collections.abc import Mapping
from typing import Any

from pipeline.views import printed, results, tables
from pipeline.views.figure_table import FigureTable, figure
from pipeline.views.printed import PLAIN, Paper

CHANCE = "chance"  # the row that no model made


def table(figures: Mapping[str, Any], way: str) -> FigureTable:
    """The table of one way. Chance has no mark, and rows of second scoring have a best of their own."""
    models = {name: row for name, row in figures["models"].items() if way in row}
    metrics = tables.metrics_of(next(iter(models.values()))[way])
    groups: dict[str, list[int]] = {}
    for number, (name, row) in enumerate(models.items()):
        if name != CHANCE:
            groups.setdefault(row.get("second", {}).get("method", ""), []).append(number)
    cells = [[name, *(figure(row[way][metric], metric) for metric in metrics)] for name, row in models.items()]
    return FigureTable(["model", *metrics], cells, groups=list(groups.values()))


def text(figures: Mapping[str, Any], way: str = "t2v", paper: Paper = PLAIN) -> str:
    """The table of one way with its heading, its warnings, and notes."""
    code = results.earlier(figures)
    note = f"{code}\n" if code else ""
    columns = printed.columns(table(figures, way), paper)
    heading = f"{way}: {results.heading(figures, way)}"
    return "\n".join([f"{heading}\n{note}{columns}", *results.second_notes(figures["models"], way)])
