"""Charts of squares: figures of all pairs, and how many lie where on two axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.views.charts import Chart
from pipeline.views.svg import WIDTH, Frame, drawing, element, label, text, tip

ROOM = 29  # of a square that a figure such as 0.25 fits in


def heat(title: str, about: str, names: Sequence[str], matrix: np.ndarray, corner: str = "") -> Chart:
    """A square for each figure [S, S] of 0 to 1, the darker the higher, with the figure where there is room."""
    size = min(34.0, (WIDTH - 40) / len(names))
    side = size * len(names)
    parts = []
    for (row, column), value in np.ndenumerate(matrix):
        x, y = 30 + size * column, 22 + size * row
        strength = round(min(max(float(value), 0.0), 1.0), 3)
        square = element(
            "rect", x=x, y=y, width=size - 1, height=size - 1, kind="heat", fill_opacity=f"{0.06 + 0.94 * strength:.3g}"
        )
        parts.append(element("g", tip(f"{names[row]}, {names[column]}: {value:.2f}"), square))
        if size >= ROOM:
            shade = "on-heat" if strength > 0.5 else "tick"
            parts.append(text(x + size / 2 - 0.5, y + size / 2 + 4, f"{value:.2f}", shade, "middle"))
    for at, name in enumerate(names):
        middle = size * at + size / 2
        parts.append(text(24, 22 + middle + 4, name, "tick", "end"))
        parts.append(text(30 + middle, 16, name, "tick", "middle"))
    rows = [[name, *(f"{value:.3f}" for value in line)] for name, line in zip(names, matrix, strict=True)]
    return Chart(title, about, drawing(title, about, 34 + side, 26 + side, parts), [corner, *names], rows)


def counts(
    title: str, about: str, axes: tuple[str, str], edges: Sequence[float], matrix: np.ndarray, header: Sequence[str]
) -> Chart:
    """How many lie where: counts [N, N] (x, y) between edges [N + 1] on two logarithmic axes, with the diagonal."""
    frame = Frame(52, 26, 52 + 270, 26 + 270)
    x, y = frame.x(edges[0], edges[-1], log=True), frame.y(edges[0], edges[-1], log=True)
    parts = [*frame.up(y, axes[1]), *frame.across(x, axes[0])]
    rows, most = [], max(int(matrix.max()), 1)
    for (a, b), count in np.ndenumerate(matrix):
        if count:
            strength = 0.25 + 0.75 * (math.log1p(count) / math.log1p(most))
            left, low = x(edges[a]), y(edges[b])
            square = element(
                "rect",
                x=left,
                y=y(edges[b + 1]),
                width=max(x(edges[a + 1]) - left, 1),
                height=max(low - y(edges[b + 1]), 1),
                kind="heat",
                fill_opacity=f"{strength:.3g}",
            )
            places = [_ranks(edges[a], edges[a + 1]), _ranks(edges[b], edges[b + 1])]
            parts.append(element("g", tip(f"{axes[0]} {places[0]}, {axes[1]} {places[1]}: {count:,}"), square))
            rows.append([*places, f"{int(count):,}"])
    parts.append(element("line", x1=frame.left, y1=frame.bottom, x2=frame.right, y2=frame.top, kind="even"))
    return Chart(title, about, drawing(title, about, WIDTH, frame.bottom + 38, parts), list(header), rows)


def _ranks(low: float, high: float) -> str:
    """The ranks of a bin between two edges, which lie between ranks."""
    return label(low + 0.5) if high - low <= 1 else f"{label(low + 0.5)} to {label(high - 0.5)}"


def rank_edges(last: float) -> np.ndarray:
    """Edges of bins for the ranks up to `last`: small ranks have a bin each, then eight bins span a factor of ten."""
    edges = [1.0]
    while edges[-1] <= last:
        edges.append(max(edges[-1] + 1, float(round(edges[-1] * 10 ** (1 / 8)))))
    return np.array(edges) - 0.5
