"""Wins: which row ranks the right video of how many captions first among all rows, and the ranks of two of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.evaluation.significance import randomisation
from pipeline.report.material import Material
from pipeline.report.section import Section
from pipeline.views.charts import Chart
from pipeline.views.maps import counts, rank_edges
from pipeline.views.tables import p_text
from pipeline.wording import number_of

LISTED = 40  # rows of the table at most


def section(material: Material) -> Section | None:
    """Wins of the plain rows, caption by caption; None where there is one row alone."""
    ranks = {
        row.name: np.mean([seed["t2v"].ranks.first for seed in material.ranks[row.name]], axis=0)
        for row in material.rows
        if row.second is None
    }
    if len(ranks) < 2:
        return None
    main = material.main if material.main in ranks else next(iter(ranks))
    order = _order(material, list(ranks))
    best = np.min(list(ranks.values()), axis=0)
    holders = np.sum([of_row == best for of_row in ranks.values()], axis=0)
    rows = []
    for name in order[:LISTED]:
        first, of_main = ranks[name], ranks[main]
        against = [f"{int(found.sum()):,}" for found in (first < of_main, first == of_main, first > of_main)]
        alone, shared = (first == best) & (holders == 1), (first == best) & (holders > 1)
        rows.append([name, f"{int(alone.sum()):,}", f"{int(shared.sum()):,}", *(against if name != main else [""] * 3)])
    other, left = next(name for name in order if name != main), len(order) - len(rows)
    values: dict[str, Any] = {
        "queries": f"each of the {len(best):,} captions" if len(best) > 1 else "the one caption",
        "header": ["model", "best alone", "shares the best", f"better than {main}", "equal", "worse"],
        "main": main,
        "left": f"{number_of(left, 'rows')} with lower mAP {'is' if left == 1 else 'are'}" if left else "",
    }
    values["rows"] = rows
    values["charts"] = [_scatter(material, main, other, ranks[main], ranks[other])]
    return Section("wins", "Query by query", values)


def _order(material: Material, names: list[str]) -> list[str]:
    """Rows, the one with the best mAP first."""
    models = material.figures["models"]
    return sorted(names, key=lambda name: -models[name]["t2v"]["mAP"]["mean"])


def _scatter(material: Material, main: str, other: str, first: np.ndarray, second: np.ndarray) -> Chart:
    """How many captions have which rank in two rows."""
    edges = rank_edges(float(max(first.max(), second.max())))
    matrix, _, _ = np.histogram2d(first, second, bins=(edges, edges))
    precision = [
        np.mean([seed["t2v"].ranks.precision for seed in material.ranks[name]], axis=0) for name in (main, other)
    ]
    groups = material.ranks[main][0]["t2v"].groups
    p = p_text(randomisation(precision[0], precision[1], groups))
    better, worse = int((first < second).sum()), int((first > second).sum())
    about = (
        f"Each square counts captions; above the dashed line {main} finds the right video earlier ({better:,} "
        f"captions), below it {other} does ({worse:,}). Ranks are means over seeds. p of the difference in average "
        f"precision, by a randomisation test that keeps a video's captions together: {p.removeprefix('p ')}."
    )
    axes = (f"rank in {main}", f"rank in {other}")
    title = f"{main} and {other}"
    return counts(title, about, axes, edges.tolist(), matrix.astype(np.int64), [*axes, "captions"])
