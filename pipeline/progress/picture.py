"""The picture of a run: lines that fit into a terminal, with the stages and the bars of what is done now."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.progress.bars import Bar, clock
from pipeline.progress.stages import Row, Stages, State

Span = tuple[str, str]  # a text and its style
Line = list[Span]

SPARE = 3  # rows that are left to what is said above, before stages share lines
CELLS = (10, 30)  # of a bar: at least and at most
GAP = "  "


@dataclass(frozen=True)
class Glyphs:
    """The signs of a picture."""

    states: dict[State, str]
    full: str
    empty: str
    dot: str
    more: str


STYLES = {State.WAITING: "dim", State.NOW: "bold cyan", State.DONE: "green", State.CACHED: "dim"}
LETTERS = Glyphs(dict(zip(State, ("·", "▸", "✓", "="), strict=True)), "━", "╌", " · ", "…")
ASCII = Glyphs(dict(zip(State, (".", ">", "+", "="), strict=True)), "#", "-", ", ", "...")


def picture(
    stages: Stages | None, bars: Sequence[Bar], width: int, height: int, ascii_only: bool, now: float
) -> list[Line]:
    """The lines for a terminal of `width` columns and `height` rows.

    Where the rows are few, finished and waiting stages share a line each; where they are fewer, the bars alone stay.
    now: the present by time.monotonic.
    """
    glyphs = ASCII if ascii_only else LETTERS
    running = [row.name for row in stages.of(State.NOW)] if stages else []
    below = [line for bar in bars for line in _bar(bar, running, width, glyphs, now)]
    if stages is None:
        return below[: max(1, height - 1)]
    head = _head(stages, glyphs, now)
    rows = list(stages.rows.values())
    if 1 + len(rows) + len(below) <= height - SPARE:
        size = max(map(len, stages.rows), default=0)
        lines: list[Line] = [head]
        last = max((number for number, row in enumerate(rows) if row.state is State.NOW), default=-1)
        for number, row in enumerate(rows):
            lines.append(_row(row, size, width, glyphs))
            lines += below if number == last else []
        return lines if last >= 0 else [*lines, *below]
    return _short(stages, head, below, width, glyphs)[: max(1, height - 1)]


def _short(stages: Stages, head: Line, below: list[Line], width: int, glyphs: Glyphs) -> list[Line]:
    """The picture in few rows, the most important first: the stages that work now are one, and so are those to come."""
    now, lines = stages.of(State.NOW), [head]
    if now:
        together = Row("+".join(row.name for row in now), State.NOW, sum(row.units for row in now))
        together.made = {f"{row.name}/{key}" for row in now for key in row.made}
        together.failed = set().union(*(row.failed for row in now))
        lines.append(_row(together, 0, width, glyphs))
    lines += below
    if then := [row.name for row in stages.of(State.WAITING)]:
        lines.append([(f"{glyphs.states[State.WAITING]} then {', '.join(then)}", STYLES[State.WAITING])])
    return lines


def _head(stages: Stages, glyphs: Glyphs, now: float) -> Line:
    finished = len(stages.of(State.DONE, State.CACHED))
    line = [(f"{finished} of {len(stages.rows)} stages", "bold"), (f"{glyphs.dot}{clock(now - stages.start)}", "")]
    return [*line, *([(f"{glyphs.dot}{stages.failed:,} failed", "red")] if stages.failed else [])]


def _row(row: Row, size: int, width: int, glyphs: Glyphs) -> Line:
    """A stage: its sign, name, what is made, failures and, while it works, why."""
    style = STYLES[row.state]
    made = len(row.made)
    texts = {
        State.WAITING: f"{row.units:,} to make",
        State.NOW: f"{made:,} of {row.units:,}",
        State.DONE: f"{made:,} made in {row.seconds:,.1f} s",
        State.CACHED: "cached",
    }
    line: Line = [
        (f"{glyphs.states[row.state]} {row.name:{size}}", style),
        (f"{GAP}{texts[row.state]}", "" if row.state is State.NOW else "dim"),
    ]
    if row.failed:
        line.append((f"{glyphs.dot}{len(row.failed):,} failed", "red"))
    why = f"{GAP}({row.why})"
    if row.state is State.NOW and row.why and _width(line) + len(why) <= width:
        line.append((why, "dim"))
    return line


def _bar(bar: Bar, running: Sequence[str], width: int, glyphs: Glyphs, now: float) -> list[Line]:
    """A bar in one line, or in two: its name and note, then how far it is.

    Where room is short, these are left out in this order: the note's end, the rate, the cells. The time left stays.
    """
    rate = bar.rate(now)
    share = min(bar.done / bar.total, 1.0) if bar.total else 0.0
    name = "" if {*bar.name.split("+")} <= {*running} else bar.name  # else the stages above say it
    total = f"/{bar.total:,}" if bar.total else ""
    count = f"{bar.done:,}{total} {bar.units}"
    bare = f"{share:4.0%} {count}{glyphs.dot}{bar.left(rate)} left"
    speed = f"{glyphs.dot}{rate:,.1f}/s" if rate >= 1 else f"{glyphs.dot}{1 / rate:,.1f} s each" if rate else ""
    note = f"{glyphs.dot}{bar.note}" if bar.note else ""
    indent = GAP if running else ""
    room = width - len(indent) - CELLS[0] - 1
    if len(name + GAP + bare + speed + note) <= room:
        above, behind = "", speed + note
        lead = name + GAP if name else ""
    else:
        above, lead = name, ""
        behind = speed if len(bare + speed) <= room else ""
        if above:
            above += note
        elif len(bare + behind) < room:
            behind += note[: room - len(bare + behind)]
    size = min(CELLS[1], width - len(indent + lead + bare + behind) - 1)
    cells: Line = []
    if size >= CELLS[0]:
        full = int(share * size)
        cells = [(glyphs.full * full, "cyan"), (f"{glyphs.empty * (size - full)} ", "dim")]
    line = [(indent + lead, ""), *cells, (bare, ""), (behind, "dim")]
    return [*([[(indent + _cut(above, width - len(indent), glyphs), "")]] if above else []), line]


def _width(line: Line) -> int:
    return sum(len(text) for text, _ in line)


def _cut(text: str, room: int, glyphs: Glyphs) -> str:
    """A text of `room` letters at most."""
    return text if len(text) <= room else text[: max(0, room - len(glyphs.more))] + glyphs.more
