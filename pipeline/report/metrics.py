"""The metrics: a table each way, intervals as a plot, and the sentences that one needs to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.graph.models import CHANCE, Row
from pipeline.graph.rescoring import SIGN
from pipeline.ranking.ranks_file import WAYS
from pipeline.report.material import Material
from pipeline.report.section import Section
from pipeline.views import results
from pipeline.views.charts import Chart, Dot, dots
from pipeline.views.figure_table import FigureTable, figure
from pipeline.views.tables import metrics_of

TITLES = {"t2v": "Text to video", "v2t": "Video to text"}
PLOTTED = 30  # rows of a plot at most
STD = "± is the standard deviation over seeds, of a sample."


def section(material: Material) -> Section:
    """The tables of both ways."""
    ways = [_way(material, way) for way in WAYS if any(way in row for row in material.figures["models"].values())]
    spread = STD if any(len(row.seeds) > 1 for row in material.rows) else ""
    ties = f"{material.figures['ties']}."
    return Section("metrics", "Metrics", {"ways": ways, "spread": spread, "ties": ties, "main": material.main})


def _way(material: Material, way: str) -> dict[str, Any]:
    figures = material.figures
    table = figure_table(figures, way)
    marks = table.marks()
    charts = [
        chart for chart in (intervals(figures, way, material.main), spreads(figures, way, material.main)) if chart
    ]
    untrained = untrained_way(material, way)
    return {
        "title": TITLES[way],
        "heading": results.heading(figures, way),
        "header": table.header,
        "rows": table.texts()[1:],
        "marks": marks,
        "legend": table.legend(marks),
        "notes": results.second_notes(figures["models"], way),
        "untrained": untrained,
        "charts": charts,
    }


def figure_table(figures: Mapping[str, Any], way: str) -> FigureTable:
    """The table of one way; the best is looked for among rows of a kind, and chance is of none."""
    models = {name: row[way] for name, row in figures["models"].items() if way in row}
    metrics = metrics_of(next(iter(models.values())))
    rows = [[name, *(figure(of_row[metric], metric) for metric in metrics)] for name, of_row in models.items()]
    kinds: dict[tuple[str, int], list[int]] = {}
    for number, (name, of_row) in enumerate(models.items()):
        if name != CHANCE:
            second = figures["models"][name].get("second", {}).get("method", "")
            kinds.setdefault((second, of_row["queries"]), []).append(number)
    return FigureTable(["model", *metrics], rows, groups=list(kinds.values()))


def intervals(figures: Mapping[str, Any], way: str, main: str) -> Chart | None:
    """The bootstrap intervals of the rows as a plot; None where there are none."""
    known = {
        name: of_row[way]
        for name, of_row in figures["bootstrap"].items()
        if of_row.get(way) and _is_plain(figures, name)
    }
    if not known:
        return None
    metric = next(iter(next(iter(known.values()))))
    rows = {name: figures["models"][name][way] for name in known}
    order = sorted(rows, key=lambda name: (name != main, -rows[name][metric]["mean"]))[:PLOTTED]
    lines = [Dot(name, rows[name][metric]["mean"], *known[name][metric]) for name in order]
    chance = figures["models"].get(CHANCE, {}).get(way, {}).get(metric, {}).get("mean")
    by_chance = f" The dashed line is chance, {chance:.1f}." if chance is not None else ""
    left = f" The best {PLOTTED} of {len(known):,} rows are shown." if len(known) > PLOTTED else ""
    about = f"Mean over seeds, and the 95 % interval of a bootstrap over videos.{by_chance}{left}"
    return dots(f"{metric}, {TITLES[way].lower()}", about, lines, f"{metric}, %", {main}, chance)


def _is_plain(figures: Mapping[str, Any], name: str) -> bool:
    """Whether a row is of no second scoring."""
    return "second" not in figures["models"][name]


def spreads(figures: Mapping[str, Any], way: str, main: str, metric: str = "mAP") -> Chart | None:
    """A metric of the plain rows with its spread over seeds, as a plot; None for one row."""
    rows = {
        name: row[way][metric]
        for name, row in figures["models"].items()
        if way in row and name != CHANCE and _is_plain(figures, name) and metric in row[way]
    }
    if len(rows) < 2:
        return None
    order = sorted(rows, key=lambda name: (name != main, -rows[name]["mean"]))[:PLOTTED]
    spread = [
        Dot(name, one["mean"], one["mean"] - one["std"], one["mean"] + one["std"])
        for name in order
        for one in [rows[name]]
    ]
    left = f" The best {PLOTTED} of {len(rows):,} rows are shown." if len(rows) > PLOTTED else ""
    about = f"Mean and standard deviation over seeds.{left}"
    return dots(f"{metric}, {TITLES[way].lower()}", about, spread, metric, {main}, digits=3)


def untrained_way(material: Material, way: str) -> str:
    """A sentence that names the models whose loss does not learn this way; '' where all do."""
    losses: dict[str, list[str]] = {}
    for row in material.rows:
        if not row.second and _ranks(row, way):
            for model in row.models[:1]:
                loss = model.training(material.train).loss
                if way not in learned_ways(loss):
                    losses.setdefault(loss, []).append(row.name)
    if not losses or material.train.packed:
        return ""
    trained = sum(bool(row.models) and not row.second for row in material.rows)
    aims = "; ".join(
        f"{loss} of {'all models' if 1 < len(names) == trained else named(names)}" for loss, names in losses.items()
    )
    learned, asked = ("videos", "captions") if way == "v2t" else ("captions", "videos")
    return (
        f"No training aimed at these figures: the loss {aims} pushes wrong {learned} away from a "
        f"{asked.removesuffix('s')}, never wrong {asked} away from a {learned.removesuffix('s')}. A loss such as "
        "triplet-both learns both ways."
    )


def _ranks(row: Row, way: str) -> bool:
    return bool(row.models) and way in row.ways and SIGN not in row.name


def named(names: Sequence[str], most: int = 8) -> str:
    """Names in a sentence."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def learned_ways(loss: str) -> tuple[str, ...]:
    """The ways that a loss of fusion.losses learns, by its name."""
    if loss.endswith("-both") or not loss.startswith("triplet"):
        return WAYS
    return ("v2t",) if loss.endswith("-caption") else ("t2v",)
