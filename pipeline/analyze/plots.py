"""The plots of an analysis in one style: PNG for screens, SVG for print; the same numbers give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import files
from pipeline.views.maps import rank_edges

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which every kind of colour vision tells apart; so it is with the maps, by their lightness.
BLUE, ORANGE, GREEN, DARK = "#0072B2", "#E69F00", "#009E73", "#444444"
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same letters
    "font.size": 10,
    "axes.titlesize": 11,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "savefig.facecolor": "white",
    "text.parse_math": False,  # a name may hold a dollar
    "svg.hashsalt": "laff",  # else ids in the file are random
}


@contextmanager
def figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure to draw into, its size in inches; when the block ends, it is written as PATH.png and PATH.svg."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn
        for ending, about in (("png", {"Software": None}), ("svg", {"Date": None})):
            with files.whole(path.with_name(f"{path.name}.{ending}")) as temporary:
                drawn.savefig(temporary, format=ending, metadata=about)


def weights(path: Path, title: str, sides: dict[str, list[tuple[str, float, float]]]) -> None:
    """Draw a panel for each side, a bar for each feature: (feature, mean, std), heaviest first.

    A dashed line shows the weight that each feature would have if all had the same.
    """
    longest = max(len(bars) for bars in sides.values())
    top = max(mean + std for bars in sides.values() for _, mean, std in bars)
    with figure(path, 4.6 * len(sides), 1.9 + 0.36 * longest) as drawn:
        drawn.suptitle(title)
        panels = drawn.subplots(1, len(sides), squeeze=False)[0]
        for panel, (side, bars), colour in zip(panels, sides.items(), (BLUE, ORANGE), strict=False):
            names, means, stds = zip(*bars, strict=True)
            panel.barh(range(len(bars)), means, xerr=stds, color=colour, ecolor=DARK, capsize=3, height=0.65)
            panel.axvline(sum(means) / len(bars), color=DARK, linestyle="--", linewidth=1, label="even share")
            panel.set_yticks(range(len(bars)), names)
            panel.set_ylim(longest - 0.5, -0.5)
            panel.set_xlim(0, top * 1.05)
            panel.set_xlabel("attention weight, mean ± std")
            panel.set_title(f"{side} features")
            panel.grid(True, axis="x")
        drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center")


def spaces(path: Path, title: str, matrix: np.ndarray) -> None:
    """Draw a heat map of [S, S] overlaps on a scale from 0 to 1, so that the maps of two models can be compared."""
    count = len(matrix)
    size = 1.8 + 0.5 * max(count, 5)
    with figure(path, size + 0.9, size) as drawn:
        panel = drawn.subplots()
        image = panel.imshow(matrix, cmap="cividis", vmin=0, vmax=1)
        numbers = [str(number) for number in range(1, count + 1)]
        panel.set_xticks(range(count), numbers)
        panel.set_yticks(range(count), numbers)
        panel.set_xlabel("space")
        panel.set_ylabel("space")
        panel.spines[:].set_visible(False)
        panel.tick_params(length=0)
        drawn.suptitle(title)
        if count <= 16:
            for (row, column), value in np.ndenumerate(matrix):
                colour = "black" if value > 0.55 else "white"
                panel.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
        drawn.colorbar(image, ax=panel, label="mean Jaccard index", shrink=0.85)


def cost(path: Path, lines: Sequence[tuple[str, int, int, int]]) -> None:
    """Draw a group of bars for each model, in millions: (model, parameters, FLOPs of a video, FLOPs of a caption)."""
    positions = np.arange(len(lines))
    names = [line[0] for line in lines]
    with figure(path, 9.2, 1.7 + 0.5 * len(lines)) as drawn:
        left, right = drawn.subplots(1, 2, sharey=True)
        _bars(left, positions, [line[1] / 1e6 for line in lines], GREEN, 0.6)
        left.set_title("parameters")
        left.set_xlabel("millions")
        _bars(right, positions - 0.19, [line[2] / 1e6 for line in lines], BLUE, 0.36, "video")
        _bars(right, positions + 0.19, [line[3] / 1e6 for line in lines], ORANGE, 0.36, "caption")
        right.set_title("operations to embed one")
        right.set_xlabel("MFLOPs, two a multiply-add")
        drawn.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        left.set_yticks(positions, names)
        left.set_ylim(len(lines) - 0.5, -0.5)


def _bars(panel: Axes, positions: np.ndarray, values: list[float], colour: str, height: float, label: str = "") -> None:
    """Draw bars with their numbers behind them."""
    bars = panel.barh(positions, values, height=height, color=colour, label=label or None)
    panel.bar_label(
        bars, [f"{value:,.1f}" if value >= 0.1 else f"{value:.3f}" for value in values], padding=3, fontsize=8
    )
    panel.set_xlim(0, max([*values, 1e-9, panel.get_xlim()[1] / 1.18]) * 1.18)
    panel.grid(True, axis="x")


def queries(path: Path, names: tuple[str, str], first: np.ndarray, second: np.ndarray) -> None:
    """Draw how many captions have which two ranks, [Q] each, on log axes; above the diagonal the first is better."""
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    edges = rank_edges(float(max(first.max(), second.max())))
    counts, _, _ = np.histogram2d(first, second, bins=(edges, edges))
    with figure(path, 6.4, 5.6) as drawn:
        panel = drawn.subplots()
        shown = np.ma.masked_equal(counts.T, 0)
        scale = LogNorm(0.4, max(float(counts.max()), 2.0))  # so that a single caption can be seen
        image = panel.pcolormesh(edges, edges, shown, cmap="Blues", norm=scale)
        panel.plot(edges[[0, -1]], edges[[0, -1]], color=ORANGE, linestyle="--", linewidth=1.2)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_aspect("equal")
        for axis, name in ((panel.xaxis, names[0]), (panel.yaxis, names[1])):
            axis.set_label_text(f"rank in {name}")
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())
        better, worse = int((first < second).sum()), int((first > second).sum())
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2}
        where: dict[str, Any] = {"transform": panel.transAxes, "fontsize": 9, "bbox": box}
        panel.text(0.02, 0.98, f"{names[0]} is better: {better:,}", va="top", **where)
        panel.text(0.98, 0.02, f"{names[1]} is better: {worse:,}", ha="right", **where)
        panel.set_title("rank of the right video, caption by caption", fontsize=12, fontweight="bold")
        bar = drawn.colorbar(image, ax=panel, label="captions", shrink=0.85, format="{x:g}")
        bar.ax.set_ylim(0.9)
        bar.minorticks_off()
