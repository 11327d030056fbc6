"""The page of a comparison for a browser, with its plot."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.analyze import plots
from pipeline.compare import table
from pipeline.compare.quotes import from_json
from pipeline.views import page
from pipeline.views.results import warning

WIDE = " body{max-width:100em} td,th{white-space:nowrap} .wide{overflow-x:auto} img{max-width:100%}"  # many columns


def comparison(figures: dict[str, Any]) -> str:
    """The page as HTML; every text of the collection and of the grid is escaped."""
    title = f"{figures['collection']}: {figures['grid']}"
    parts = [page.opening(f"laff compare: {title}", title, figures["about"], warning(figures), WIDE)]
    parts.append("<p><img src='map.svg' alt='mean average precision of each row, mean and std over seeds'></p>")
    for way, name in page.TITLES.items():
        _, *rows = table.shown(figures, way).texts()
        parts.append(f"<h2>{name}</h2><p>{html.escape(table.heading(figures, way))}</p>")
        parts.append(_wide(table.header(figures), rows, figures["against"]))
    parts.append(page.small(*table.legend(figures)))
    parts.append(page.small(f"{figures['ties']}."))
    parts.append(_list("Notes", table.notes(figures)))
    parts.append(_list("Left out", figures["left_out"]))
    if quoted := from_json(figures["quoted"]):
        parts.append("<h2>Quoted, not of this run</h2>")
    for one in quoted:
        first, *rest = one.texts()
        parts.append(f"<h3>{html.escape(one.title)}</h3>{_wide(first, rest)}{page.small(*one.notes)}")
    return "".join(parts) + page.END


def _wide(header: Sequence[str], rows: Sequence[Sequence[str]], main: str | None = None) -> str:
    """A table that can be scrolled sideways."""
    return f"<div class='wide'>{page.table(header, rows, main)}</div>"


def _list(title: str, texts: dict[str, str]) -> str:
    """A heading and a list of {name: text}; '' where there is none."""
    if not texts:
        return ""
    items = "".join(f"<li><b>{html.escape(name)}</b>: {html.escape(why)}</li>" for name, why in texts.items())
    return f"<h2>{title}</h2><ul>{items}</ul>"


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
