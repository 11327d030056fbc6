"""The first screen: what this is, the best figures, coverage, and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.graph.models import CHANCE
from pipeline.report.material import Material
from pipeline.report.metrics import TITLES
from pipeline.views import results
from pipeline.views.tables import cell, metrics_of

SHOWN = ("R@1", "R@10", "MedR", "mAP")


def summary(material: Material) -> dict[str, Any]:
    """What the head of the page shows."""
    figures = material.figures
    count = sum(row.second is None for row in material.rows)
    warned = results.warning(figures)
    return {
        "name": material.context.name,
        "about": _about(material, count),
        "cards": [card for way in TITLES if (card := _card(figures, way, material.main))],
        "coverage": f"{figures['coverage']:.1%}",
        "splits": figures["splits"]["test"],
        "warnings": [f"{text}." for text in [warned, *map(_capital, figures["unusual"])] if text],
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _about(material: Material, count: int) -> str:
    """One sentence: what the page shows."""
    rows = f"{count} system{'' if count == 1 else 's'}"
    asked = results.asked(next(iter(material.figures["models"].values()))["t2v"], "t2v")
    main = material.main
    return f"How well {rows} find videos by a sentence: {asked}. The main one is {main}."


def _card(figures: Mapping[str, Any], way: str, main: str) -> dict[str, Any] | None:
    """The best plain row of one way by mAP, and the main row beside it where that is another."""
    plain = {
        name: row[way]
        for name, row in figures["models"].items()
        if way in row and name != CHANCE and "second" not in row and "(covered only)" not in name
    }
    if not plain:
        return None
    best = max(plain, key=lambda name: (plain[name]["mAP"]["mean"], name == main))
    rows = [best] if best == main or main not in plain else [best, main]
    shown = [name for name in SHOWN if name in metrics_of(plain[best])]
    return {
        "title": TITLES[way],
        "rows": [
            {"name": name, "is_best": name == best, "figures": [(m, cell(plain[name][m], m)) for m in shown]}
            for name in rows
        ],
    }
