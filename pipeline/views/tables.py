"""Tables that are printed: rows of cells as text, figures with their digits, CSV under WORK/analyze."""

from collections.abc import Mapping, Sequence
from typing import Any

FRACTIONS = ("MRR", "mAP")  # metrics in 0..1, which need more digits than percentages and ranks


def text_table(rows: Sequence[Sequence[Any]], left: int = 1) -> str:
    """Rows of cells, a header first: the first `left` columns to the left, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = [
        "  ".join(
            text.ljust(width) if column < left else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * max(len(line) for line in lines), *lines[1:]])


def metrics_of(figures: Mapping[str, Any]) -> list[str]:
    """The metrics of one row and way, in their order: what has a mean over seeds."""
    return [name for name, value in figures.items() if isinstance(value, Mapping) and "mean" in value]


def cell(metric: Mapping[str, Any], name: str) -> str:
    """'12.3 ± 0.4' with the digits that the metric deserves."""
    text = f"{metric['mean']:.{digits(name)}f}"
    return f"{text} ± {metric['std']:.{digits(name)}f}" if len(metric["seeds"]) > 1 else text


def digits(name: str) -> int:
    """How many digits of a metric are shown behind the point."""
    return 3 if name in FRACTIONS else 1


def p_text(p: float) -> str:
    """A p-value with the digits that ten thousand samples bear."""
    return f"{p:.4f}" if p >= 0.001 else "< 0.001"


def duration(seconds: float) -> str:
    """A time in the units that matter, rounded: '40 s', '12 min', '3 h 20 min', '2 d 5 h'."""
    if seconds < 59.5:
        return f"{max(seconds, 1):.0f} s"
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{hours // 24} d {hours % 24} h"
