"""The first screen: what this is, the best figures of each way, what they cover, and warnings."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.evaluation.significance import randomisation
from pipeline.graph.models import CHANCE, Row
from pipeline.report.material import Material
from pipeline.report.metrics import TITLES
from pipeline.views import results
from pipeline.views.tables import cell, digits, metrics_of, p_text
from pipeline.wording import number_of

SHOWN = ("R@1", "R@10", "MedR", "mAP")
BEST_BY = "mAP"
CERTAIN = 0.05  # p below which a difference is not put down to chance


def summary(material: Material) -> dict[str, Any]:
    """What the head of the page shows."""
    figures = material.figures
    count = sum(row.second is None for row in material.rows)
    warned = results.warning(figures)
    return {
        "name": material.context.name,
        "about": _about(material, count),
        "cards": [card for way in TITLES if (card := _card(material, way))],
        "coverage": f"{figures['coverage']:.1%}",
        "facts": _facts(material),
        "warnings": [f"{text}." for text in [warned, *map(_capital, figures["unusual"])] if text],
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _about(material: Material, count: int) -> str:
    """One sentence: what the page shows."""
    asked = results.asked(next(iter(material.figures["models"].values()))["t2v"], "t2v")
    if count == 1:
        return f"How well {material.main} finds videos by a sentence: {asked}."
    return f"How well {count:,} systems find videos by a sentence: {asked}. The main one is {material.main}."


def _facts(material: Material) -> list[tuple[str, str]]:
    """(name, text) of what the figures cover, and over what they are means."""
    test = material.figures["splits"]["test"]
    facts = [("videos with every feature", f"{test['covered']:,} of {test['videos']:,}")]
    facts += [("captions", f"{test['captions']:,}")] if test.get("captions") else []
    for name, lines in (("failed, all splits", material.failures), ("used in spite of a flaw", material.notes)):
        facts.append((name, number_of(len({line["video"] for line in lines}), "videos")))
    row = next(row for row in material.rows if row.name == material.main)
    if row.models:
        facts.append((f"seeds of {row.name}", ", ".join(map(str, row.seeds))))
        facts += [(f"{side} features of {row.name}", ", ".join(names)) for side, names in _features(row)]
    return facts


def _features(row: Row) -> list[tuple[str, tuple[str, ...]]]:
    """The features that a row fuses, of each side."""
    return [("video", row.models[0].video), ("text", row.models[0].text)]


def _card(material: Material, way: str) -> dict[str, Any] | None:
    """The best plain row of one way by mAP; beside it the main row, or the next best where that is the main one."""
    figures, main = material.figures, material.main
    plain = {
        name: row[way]
        for name, row in figures["models"].items()
        if way in row and name != CHANCE and "second" not in row and "(covered only)" not in name
    }
    if not plain:
        return None
    order = sorted(plain, key=lambda name: (-plain[name][BEST_BY]["mean"], name != main))
    best = order[0]
    other = main if main in plain and main != best else next(iter(order[1:]), None)
    shown = [name for name in SHOWN if name in metrics_of(plain[best])]
    rows = [{"name": best, "is_best": True, "label": _label(best, main, len(order)), "compared": ""}]
    if other:
        label = "the main row" if other == main else "next best"
        rows.append(
            {"name": other, "is_best": False, "label": label, "compared": _compared(material, best, other, way)}
        )
    for row in rows:
        row["figures"] = [(metric, cell(plain[str(row["name"])][metric], metric)) for metric in shown]
    chance = figures["models"].get(CHANCE, {}).get(way, {})
    by_chance = [f"{metric}\u00a0{cell(chance[metric], metric)}" for metric in shown if metric in chance]
    return {"title": TITLES[way], "rows": rows, "chance": ", ".join(by_chance)}


def _label(best: str, main: str, count: int) -> str:
    """What the best row is, in words."""
    words = [f"best by {BEST_BY}"] if count > 1 else []
    return ", ".join([*words, "the main row"] if best == main else words)


def _compared(material: Material, best: str, other: str, way: str) -> str:
    """How far a row is behind the best, and whether that may be chance."""
    of_best, of_other = (material.figures["models"][name][way][BEST_BY]["mean"] for name in (best, other))
    by = f"{of_best - of_other:.{digits(BEST_BY)}f}"
    precision = [
        np.mean([seed[way].ranks.precision for seed in material.ranks[name]], axis=0) for name in (best, other)
    ]
    p = randomisation(precision[0], precision[1], material.ranks[best][0][way].groups)
    words = "more than chance explains" if p < CERTAIN else "which may be chance"
    return f"{BEST_BY}\u00a0{by} below {best}, {words} (p\u00a0{p_text(p)})"
