"""Attention: how much each feature weighs in the main model, over a sample of test."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.errors import LaffError
from pipeline.inspection import weights
from pipeline.inspection.weights import Weight
from pipeline.report.inspected import Inspected
from pipeline.report.material import Material
from pipeline.report.section import Section
from pipeline.views.charts import Chart, Dot, bars


def section(material: Material, inspected: Inspected | None) -> Section | None:
    """The weights of the main model's features; None where no model is trained."""
    if inspected is None:
        return None
    lines = inspected.value("attention", lambda: _measured(inspected))
    if isinstance(lines, str):
        return Section("attention", "Attention", {"why": lines, "sides": [], "rows": [], "model": inspected.name})
    found = [Weight(**_numbers(line)) for line in lines]
    values: dict[str, Any] = {
        "why": "",
        "model": inspected.name,
        "sample": inspected.sample.words,
        "seeds": inspected.seeds_words,
        "sentences": weights.sentence(found).splitlines(),
        "sides": [charts for side, members in weights.summary(found).items() if (charts := _charts(side, members))],
        "header": weights.table(found)[0],
        "rows": weights.table(found)[1:],
    }
    return Section("attention", "Attention", values)


def _measured(inspected: Inspected) -> list[dict[str, Any]] | str:
    """The lines over seeds and heads as plain values, or why there are none."""
    try:
        lines = weights.lines(weights.measure(inspected.subject))
    except LaffError as error:
        return str(error)
    return [_plain(line) for line in lines if line.seed == line.head == "all"]


def _plain(line: Weight) -> dict[str, Any]:
    """A line for JSON, which has no NaN."""
    return {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in asdict(line).items()}


def _numbers(line: dict[str, Any]) -> dict[str, Any]:
    return {key: float("nan") if value is None else value for key, value in line.items()}


def _charts(side: str, members: list[Weight]) -> list[Chart]:
    """A chart of the weights and one of the shares."""
    if len(members) < 2:
        return []
    even = 1 / len(members)
    spread = [
        Dot(one.feature, one.mean, max(one.mean - one.std, 0), one.mean + one.std, f"{one.std_of_seeds:.3f} over seeds")
        for one in members
    ]
    items = "videos" if side == "video" else "captions"
    about = f"Mean attention weight, and its standard deviation over {items}, heads and seeds. Dashed: an even share."
    colour = 0 if side == "video" else 1
    charts = [bars(f"{side.capitalize()} features, weights", about, spread, "weight", even, colour)]
    if all(np.isfinite(one.share) for one in members):
        shares = [Dot(one.feature, one.share, one.share, one.share) for one in members]
        about = (
            "Weight times the length of the feature's vector, as a share of their sum: what enters the fused vector."
        )
        charts.append(bars(f"{side.capitalize()} features, shares", about, shares, "share", even, colour))
    return charts
