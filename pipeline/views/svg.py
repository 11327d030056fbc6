"""Pieces of charts as SVG: elements, the numbers on axes, and the frame that a plot is drawn in.

Colours are classes, whose variables style.css sets, so that a drawing follows dark, light and print.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 360  # of most charts, in the units of the letters: on a phone one unit is one pixel
LETTER = 6.4  # mean width of a letter


def element(name: str, *inner: str, **attributes: str | float | None) -> str:
    """An element; `inner` is SVG already, attributes are escaped. In their names _ stands for -, `kind` for class."""
    written = " ".join(
        f'{"class" if key == "kind" else key.replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    opened = f"{name} {written}" if written else name
    return f"<{opened}>{''.join(inner)}</{name}>" if inner else f"<{opened}/>"


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """A coordinate with one digit behind the point at most."""
    return f"{round(value, 1):g}"


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "", room: float = math.inf) -> str:
    """A text whose first letter stands at x, or its middle or end by `anchor`; cut with … where it needs more room.

    A text that is cut shows the whole of itself when it is pointed at.
    """
    shown = cut(words, room)
    inner = escape(shown) if shown == words else f"{escape(shown)}{tip(words)}"
    return element("text", inner, x=x, y=y, kind=kind or None, text_anchor=anchor or None)


def cut(words: str, room: float) -> str:
    """A text on one line that fits into `room` units."""
    words = " ".join(words.split())
    fits = max(int(room / LETTER), 2) if math.isfinite(room) else len(words)
    return words if len(words) <= fits else words[: fits - 1] + "…"


def tip(words: str) -> str:
    """What is shown when an element is pointed at."""
    return f"<title>{escape(words)}</title>"


def path(points: Iterable[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    return element("path", d="M" + "L".join(f"{number(x)} {number(y)}" for x, y in points), kind=kind)


def drawing(title: str, about: str, width: float, height: float, parts: Sequence[str]) -> str:
    """A whole drawing, with a title and a sentence for those who cannot see it."""
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=number(width),
        height=number(height),
        role="img",
        aria_label=f"{title}. {about}",
    )


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, about `count` of them, both ends inside."""
    span = high - low
    if not span > 0:
        return [low]
    raw = span / max(count, 1)
    size = 10 ** math.floor(math.log10(raw))
    step = next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(at * step, 12) for at in range(first, math.floor(high / step + 1e-9) + 1)]


def labels(values: Sequence[float]) -> list[str]:
    """The numbers of an axis, all written alike: 7.5e-4 and 1e-3, not 0.001 beside 8e-4."""
    if not any(0 < abs(value) < 1e-3 for value in values):
        return [label(value) for value in values]
    return [f"{value:.3g}" if not value else _power(value) for value in values]


def _power(value: float) -> str:
    digits, power = f"{value:.2e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def label(value: float) -> str:
    """A number on an axis."""
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.10g}"


@dataclass(frozen=True)
class Scale:
    """Where the numbers of an axis lie."""

    low: float
    high: float
    start: float  # place of `low`
    end: float  # place of `high`; smaller than `start` on an axis that rises
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a number; a number outside lies at the nearer end."""
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, max(value, self.low)))
        part = (value - low) / (high - low) if high > low else 0.5
        return self.start + min(max(part, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """The numbers to write at the axis."""
        if not self.log:
            return ticks(self.low, self.high, count)
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found = [factor * 10.0**power for power in decades for factor in (1, 2, 5)]
        inside = [value for value in found if self.low <= value <= self.high]
        return inside if len(inside) <= count + 2 else [v for v in inside if f"{v:e}".startswith("1.")]


@dataclass(frozen=True)
class Frame:
    """The rectangle of a plot and its two axes; y rises from the bottom to the top."""

    left: float
    top: float
    right: float
    bottom: float

    def x(self, low: float, high: float, log: bool = False) -> Scale:
        """The scale of the horizontal axis."""
        return Scale(low, high, self.left, self.right, log)

    def y(self, low: float, high: float, log: bool = False) -> Scale:
        """The scale of the vertical axis."""
        return Scale(low, high, self.bottom, self.top, log)

    def across(self, scale: Scale, name: str, count: int = 5) -> list[str]:
        """The horizontal axis below the plot: lines, numbers, its name."""
        parts = []
        values = scale.ticks(count)
        for value, written in zip(values, labels(values), strict=True):
            at = scale(value)
            parts.append(element("line", x1=at, x2=at, y1=self.top, y2=self.bottom, kind="grid"))
            parts.append(text(at, self.bottom + 14, written, "tick", "middle"))
        middle = (self.left + self.right) / 2
        return [*parts, text(middle, self.bottom + 31, name, "name", "middle")]

    def up(self, scale: Scale, name: str, count: int = 4) -> list[str]:
        """The vertical axis at the left of the plot: lines, numbers, and its name above."""
        parts = []
        values = scale.ticks(count)
        for value, written in zip(values, labels(values), strict=True):
            at = scale(value)
            parts.append(element("line", x1=self.left, x2=self.right, y1=at, y2=at, kind="grid"))
            parts.append(text(self.left - 6, at + 4, written, "tick", "end"))
        return [*parts, text(self.left, self.top - 8, name, "name")]
