"""The page of a comparison for a browser, with its plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.analyze import plots
from pipeline.compare import table
from pipeline.compare.quotes import from_json
from pipeline.views import charts
from pipeline.views.charts import Chart, Dot
from pipeline.views.figure_table import FigureTable, lower_is_better
from pipeline.views.policy import policy
from pipeline.views.results import warning
from pipeline.views.templates import SHARED, render

TEMPLATES = Path(__file__).parent / "templates"
TITLES = {"t2v": "Text to video", "v2t": "Video to text"}
PLOTTED = 30  # rows of a plot at most


def comparison(figures: dict[str, Any]) -> str:
    """The page as HTML; every text of the collection and of the grid is escaped."""
    script = (SHARED / "sortable.js").read_text(encoding="utf-8")
    heading = f"{figures['collection']}: {figures['grid']}"
    shown = {way: table.shown(figures, way) for way in TITLES}
    ways = [
        _figures(one, TITLES[way]) | {"key": way, "heading": table.heading(figures, way)} for way, one in shown.items()
    ]
    marks = dict.fromkeys(sentence for one in shown.values() for sentence in one.legend(one.marks()))
    return render(
        "comparison.html",
        TEMPLATES,
        title=f"laff compare: {heading}",
        heading=heading,
        about=figures["about"],
        warning=warning(figures),
        charts=[drawn for way in TITLES for drawn in [_chart(figures, way)] if drawn],
        ways=ways,
        main=figures["against"],
        legend=[*marks, *table.legend(figures), f"{figures['ties'][0].upper()}{figures['ties'][1:]}."],
        lists=[("Notes", table.notes(figures)), ("Left out", figures["left_out"])],
        quoted=[_figures(one, one.title) | {"notes": one.notes} for one in from_json(figures["quoted"])],
        script=script,
        policy=policy([script]),
    )


def _figures(one: FigureTable, title: str) -> dict[str, Any]:
    """A table as the template shows it."""
    header, *rows = one.texts()
    return {
        "title": title,
        "header": header,
        "rows": rows,
        "marks": one.marks(),
        "words": [aligned == "l" for aligned in one.alignment()],
        "lower": [name for name in header if lower_is_better(name) or name.startswith("p,") or name == "Holm"],
    }


def _chart(figures: dict[str, Any], way: str) -> Chart | None:
    """A plot of mAP of the plain rows, best first, with its std over seeds; None where fewer than two rank this way."""
    rows = {name: line[way]["mAP"] for name, line in figures["rows"].items() if way in line and "second" not in line}
    if len(rows) < 2:
        return None
    order = sorted(rows, key=lambda name: -rows[name]["mean"])[:PLOTTED]
    spread = [
        Dot(name, one["mean"], one["mean"] - one["std"], one["mean"] + one["std"])
        for name in order
        for one in [rows[name]]
    ]
    left = f" The best {PLOTTED} of {len(rows):,} rows are shown." if len(rows) > PLOTTED else ""
    against = figures["against"]
    square = f" The square is {against}, against which the others are tested." if against in order else ""
    about = f"Mean and standard deviation over seeds.{square}{left}"
    return charts.dots(f"mAP, {TITLES[way].lower()}", about, spread, "mAP", {against}, digits=3)


def plot(path: Path, figures: dict[str, Any]) -> None:
    """Draw mAP of text to video into PATH.png and PATH.svg: a dot a plain row, best first, with its std over seeds."""
    metric = {name: line["t2v"]["mAP"] for name, line in figures["rows"].items() if "second" not in line}
    names = sorted(metric, key=lambda name: -metric[name]["mean"])
    with plots.figure(path, 7.0, 1.4 + 0.32 * len(names)) as drawn:
        panel = drawn.subplots()
        for place, name in enumerate(names):
            colour = plots.ORANGE if name == figures["against"] else plots.BLUE
            mean, std = metric[name]["mean"], metric[name]["std"]
            panel.errorbar(mean, place, xerr=std, fmt="o", color=colour, ecolor="#444444", capsize=3)
        panel.set_yticks(range(len(names)), names)
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.set_xlabel("mAP, mean ± std over seeds")
        panel.set_title(f"{figures['collection']}, text to video")
        panel.grid(axis="x")
