"""Figures as text, with the digits that they deserve."""

from collections.abc import Mapping
from typing import Any, TypedDict

FRACTIONS = ("MRR", "mAP")  # metrics in 0..1, which need more digits than percentages and ranks


class Metric(TypedDict):
    """One metric of a row and way over seeds, as it stands in metrics.json."""

    mean: float
    std: float  # of a sample; 0 for a single seed
    seeds: list[float]  # its value with each seed


def metrics_of(figures: Mapping[str, Any]) -> list[str]:
    """Names of the metrics of one row and way, in their order: all that has a mean over seeds."""
    return [name for name, value in figures.items() if isinstance(value, Mapping) and "mean" in value]


def cell(metric: Metric, name: str) -> str:
    """Text of a metric with the digits that it deserves, such as '12.3 ± 0.4'."""
    text = f"{metric['mean']:.{digits(name)}f}"
    return f"{text} ± {metric['std']:.{digits(name)}f}" if len(metric["seeds"]) > 1 else text


def digits(name: str) -> int:
    """Number of digits of a metric behind the point."""
    return 3 if name in FRACTIONS else 1


def p_text(p: float) -> str:
    """Text of a p value with the digits that ten thousand samples support."""
    return f"{p:.4f}" if p >= 0.001 else "< 0.001"


def duration(seconds: float) -> str:
    """Text of a time in its largest units, rounded: '40 s', '12 min', '3 h 20 min', '2 d 5 h'."""
    if seconds < 59.5:
        return f"{max(seconds, 1):.0f} s"
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{hours // 24} d {hours % 24} h"
