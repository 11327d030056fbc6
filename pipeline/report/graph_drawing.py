"""The graph of a run as a drawing: a box for each stage below those that it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.views.charts import Chart
from pipeline.views.svg import drawing, element, number, text, tip

WIDTH, HEIGHT = 116, 42  # of a box
ACROSS, DOWN = 14, 30  # between boxes


@dataclass(frozen=True)
class Box:
    """A stage to be drawn."""

    name: str
    reads: Sequence[str]
    words: str  # its second line
    is_made: bool  # in the run that writes the page; else it was cached
    tip: str = ""


def draw(title: str, about: str, boxes: Sequence[Box], header: Sequence[str], rows: Sequence[Sequence[str]]) -> Chart:
    """The drawing of stages, which are in an order in which they can run; header and rows: of the table below."""
    layers = _layers(boxes)
    widest = max(map(len, layers))
    width = max(360, widest * (WIDTH + ACROSS) - ACROSS + 4)
    places: dict[str, tuple[float, float]] = {}
    for depth, layer in enumerate(layers):
        left = (width - (len(layer) * (WIDTH + ACROSS) - ACROSS)) / 2
        for at, box in enumerate(layer):
            places[box.name] = (left + at * (WIDTH + ACROSS), 2 + depth * (HEIGHT + DOWN))
    parts = [_edge(places[source], places[box.name]) for box in boxes for source in box.reads if source in places]
    parts += [_box(box, *places[box.name]) for box in boxes]
    height = 4 + len(layers) * (HEIGHT + DOWN) - DOWN
    return Chart(title, about, drawing(title, about, width, height, parts), header, rows)


def _layers(boxes: Sequence[Box]) -> list[list[Box]]:
    """Stages as near as possible to those that read them; those that read what stands left stand left."""
    height: dict[str, int] = {}
    for box in reversed(boxes):
        height[box.name] = 1 + max((height[one.name] for one in boxes if box.name in one.reads), default=-1)
    layers: list[list[Box]] = [[] for _ in range(max(height.values()) + 1)]
    for box in boxes:
        layers[-1 - height[box.name]].append(box)
    place: Mapping[str, float] = {}
    for layer in layers:
        layer.sort(key=lambda box: _mean([place[source] for source in box.reads if source in place]))
        place = dict(place) | {box.name: at - len(layer) / 2 for at, box in enumerate(layer)}
    return layers


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _edge(above: tuple[float, float], below: tuple[float, float]) -> str:
    """The line from what is read to what reads it."""
    x, y = above[0] + WIDTH / 2, above[1] + HEIGHT
    to_x, to_y = below[0] + WIDTH / 2, below[1]
    bend = DOWN * 0.75
    way = [number(part) for part in (x, y, x, y + bend, to_x, to_y - bend, to_x, to_y)]
    return element("path", d=f"M{way[0]} {way[1]}C{' '.join(way[2:])}", kind="edge")


def _box(box: Box, x: float, y: float) -> str:
    """The box of a stage; one that was made in this run has a stronger rim."""
    middle = x + WIDTH / 2
    return element(
        "g",
        tip(box.tip or f"{box.name}: {box.words}"),
        element("rect", x=x, y=y, width=WIDTH, height=HEIGHT, rx=6, kind="box made" if box.is_made else "box"),
        text(middle, y + 18, box.name, "strong", "middle", WIDTH - 8),
        text(middle, y + 34, box.words, "tick", "middle", WIDTH - 8),
    )
