"""Charts for pages: a drawing as SVG, a sentence that says what it shows, and its figures as a table.

templates/chart.html shows them. Letters stay text, and colours are variables of the page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pipeline.views.svg import LETTER, WIDTH, Frame, drawing, element, label, path, text, tip

COLOURS = 6  # series with a colour of their own: --series-1 … of style.css
NAMES = 0.42  # part of a chart's width that names may take


@dataclass(frozen=True)
class Chart:
    """A chart of a page."""

    title: str
    about: str  # a sentence: what it shows, also for those who cannot see it
    source: str  # SVG, in which every text is escaped
    header: Sequence[str]  # of the table with the figures
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Dot:
    """A figure of a row, and the interval that it lies in."""

    name: str
    value: float
    low: float
    high: float
    note: str = ""  # shown when it is pointed at, and in the table


def series(number: int) -> str:
    """The class that colours the series of a number, from 0; further ones begin again."""
    return f"series s{number % COLOURS + 1}"


def lines(
    title: str,
    about: str,
    curves: Mapping[str, Sequence[tuple[float, float]]],
    axes: tuple[str, str],
    marked: Mapping[str, tuple[float, float]] | None = None,
    colours: Mapping[str, int] | None = None,
) -> Chart:
    """Curves through points (x, y), with a ring at each curve's marked point.

    axes: names of x and y. colours: number of the colour of each curve, where several share one.
    """
    marked = marked or {}
    numbers = colours or {name: at for at, name in enumerate(curves)}
    xs, ys = zip(*[point for points in curves.values() for point in points], strict=True)
    frame = Frame(48, 26, WIDTH - 10, 180)
    x, y = frame.x(min(xs), max(xs)), frame.y(*_room(ys))
    parts = [*frame.up(y, axes[1]), *frame.across(x, axes[0])]
    for name, points in curves.items():
        parts.append(
            element("g", tip(name), path([(x(a), y(b)) for a, b in points], "line"), kind=series(numbers[name]))
        )
    for name, (a, b) in marked.items():
        ring = element(
            "circle", tip(f"{name}: {axes[0]} {label(a)}, {axes[1]} {b:.4g}"), cx=x(a), cy=y(b), r=4, kind="ring"
        )
        parts.append(element("g", ring, kind=series(numbers[name])))
    rows = [
        [name, str(len(points)), f"{points[0][1]:.4g}", f"{points[-1][1]:.4g}", _place(marked.get(name))]
        for name, points in curves.items()
    ]
    header = ["curve", "points", f"first {axes[1]}", f"last {axes[1]}", f"marked ({axes[0]}: {axes[1]})"]
    return Chart(title, about, drawing(title, about, WIDTH, 216, parts), *_without_empty(header, rows))


def _place(point: tuple[float, float] | None) -> str:
    return f"{label(point[0])}: {point[1]:.4g}" if point else ""


def _room(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest of an axis, with some room around the values."""
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return low - room, high + room


def bars(
    title: str,
    about: str,
    lengths: Sequence[Dot],
    name: str,
    even: float | None = None,
    colour: int = 0,
    digits: int = 2,
) -> Chart:
    """A bar from 0 for each name, in the order given, with its interval.

    name: of the axis. even: where a dashed line stands. digits: of the values, behind the point; each stands behind its
    bar.
    """
    top = max([dot.high for dot in lengths] + ([even] if even is not None else []) + [1e-9])
    left = _names_width([dot.name for dot in lengths])
    frame = Frame(left, 12, WIDTH - 44, 12 + 24 * len(lengths))
    x = frame.x(0, top)
    parts, words = frame.across(x, name, 4), []
    for row, dot in enumerate(lengths):
        middle = frame.top + 24 * row + 12
        inner = [
            element("rect", x=x(0), y=middle - 8, width=max(x(dot.value) - x(0), 0.5), height=16, kind="bar"),
            tip(f"{dot.name}: {_spread(dot, digits)}"),
            *_whiskers(x(dot.low), x(dot.high), middle, dot.low < dot.high),
        ]
        parts.append(element("g", *inner, kind=series(colour)))
        words.append(text(left - 6, middle + 4, dot.name, "", "end", left - 8))
        words.append(text(x(max(dot.high, dot.value)) + 4, middle + 4, f"{dot.value:.{digits}f}", "tick value"))
    if even is not None:
        parts.append(element("line", x1=x(even), x2=x(even), y1=frame.top, y2=frame.bottom, kind="even"))
    rows = [[dot.name, f"{dot.value:.{digits}f}", _between(dot, digits), dot.note] for dot in lengths]
    source = drawing(title, about, WIDTH, frame.bottom + 38, [*parts, *words])
    return Chart(title, about, source, *_without_empty(["", name, "interval", "note"], rows))


def dots(
    title: str,
    about: str,
    rows: Sequence[Dot],
    name: str,
    marked: Collection[str] = (),
    even: float | None = None,
    digits: int = 1,
) -> Chart:
    """A dot with its interval for each name, in the order given; `marked` ones have another colour and shape.

    name: of the axis. even: where a dashed line stands, such as chance.
    """
    numbers = [end for dot in rows for end in (dot.low, dot.high, dot.value)] + ([even] if even is not None else [])
    left = _names_width([dot.name for dot in rows])
    frame = Frame(left, 12, WIDTH - 16, 12 + 22 * len(rows))
    low, high = _room(numbers)
    x = frame.x(0.0 if min(numbers) >= 0 > low else low, high)
    parts = frame.across(x, name, 4)
    if even is not None:
        parts.append(element("line", x1=x(even), x2=x(even), y1=frame.top, y2=frame.bottom, kind="even"))
    for row, dot in enumerate(rows):
        middle, at = frame.top + 22 * row + 11, x(dot.value)
        is_marked = dot.name in marked
        shape = (
            element("rect", x=at - 4.5, y=middle - 4.5, width=9, height=9, kind="dot")
            if is_marked
            else element("circle", cx=at, cy=middle, r=4.5, kind="dot")
        )
        inner = [
            tip(f"{dot.name}: {_spread(dot, digits)}"),
            *_whiskers(x(dot.low), x(dot.high), middle, dot.low < dot.high),
        ]
        parts.append(element("g", *inner, shape, kind=series(1 if is_marked else 0)))
        parts.append(text(left - 6, middle + 4, dot.name, "strong" if is_marked else "", "end", left - 8))
    cells = [[dot.name, f"{dot.value:.{digits}f}", _between(dot, digits), dot.note] for dot in rows]
    source = drawing(title, about, WIDTH, frame.bottom + 38, parts)
    return Chart(title, about, source, *_without_empty(["model", name, "interval", "note"], cells))


def histogram(title: str, about: str, edges: Sequence[float], counts: Sequence[int], axes: tuple[str, str]) -> Chart:
    """A bar for each count between two of the edges; there is one more edge than counts."""
    frame = Frame(48, 26, WIDTH - 12, 132)
    x, y = frame.x(edges[0], edges[-1]), frame.y(0, max([*counts, 1]))
    parts = [*frame.up(y, axes[1], 3), *frame.across(x, axes[0])]
    rows = []
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        between = f"{label(low)} to {label(high)}"
        if count:
            width = max(x(high) - x(low) - 1, 0.8)
            bar = element("rect", x=x(low), y=y(count), width=width, height=frame.bottom - y(count), kind="bar")
            parts.append(element("g", tip(f"{between}: {count:,}"), bar, kind=series(0)))
        rows.append([between, f"{count:,}"])
    return Chart(title, about, drawing(title, about, WIDTH, 168, parts), list(axes), rows)


def _names_width(names: Sequence[str]) -> float:
    """The room for names at the left of bars."""
    return float(min(max([3, *map(len, names)]) * LETTER + 12, WIDTH * NAMES))


def _whiskers(low: float, high: float, middle: float, shown: bool) -> list[str]:
    """The line of an interval with its two ends."""
    if not shown:
        return []
    line = element("line", x1=low, x2=high, y1=middle, y2=middle, kind="whisker")
    ends = [element("line", x1=x, x2=x, y1=middle - 4, y2=middle + 4, kind="whisker") for x in (low, high)]
    return [line, *ends]


def _spread(dot: Dot, digits: int) -> str:
    """A figure, its interval and its note in words."""
    return ", ".join(filter(None, [f"{dot.value:.{digits}f}", _between(dot, digits), dot.note]))


def _between(dot: Dot, digits: int) -> str:
    if not dot.low < dot.high:
        return ""
    return " to ".join(f"{end:.{digits}f}" for end in (dot.low, dot.high))


def _without_empty(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """A table without the columns that no row has anything in."""
    kept = [at for at in range(len(header)) if at == 0 or any(row[at] for row in rows)]
    return [header[at] for at in kept], [[row[at] for at in kept] for row in rows]


def legend(names: Sequence[str]) -> list[tuple[str, str]]:
    """(class of the colour, name) of each series, in the order of `lines`."""
    return [(series(number), name) for number, name in enumerate(names)]
