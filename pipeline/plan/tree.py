"""A plan for people: the stages as a tree in running order, with state, what is to be made, how long, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.graph.graph import Graph, Stage
from pipeline.plan.planned import Planned
from pipeline.plan.work import Work
from pipeline.views import printed
from pipeline.views.figure_table import FigureTable
from pipeline.views.printed import PLAIN, Paper
from pipeline.views.tables import duration
from pipeline.wording import number_of

GROUPS = ("videos and captions", "features", "models", "results")
STYLES = {  # of cells on a terminal with colours
    **dict.fromkeys(GROUPS, "bold"),
    **{"cached": "green", "stale": "yellow", "partly stale": "yellow", "missing": "cyan", "partly missing": "cyan"},
}
HEADER = ["stage", "state", "to make", "items", "time", "why"]


def text(graph: Graph, plans: Sequence[Planned], works: Mapping[str, Work], paper: Paper = PLAIN) -> str:
    """The tree of the stages; works: of each stage what is left to make."""
    members: dict[str, list[Planned]] = {group: [] for group in GROUPS}
    for planned in plans:
        members[group_of(graph, graph.stages[planned.stage])].append(planned)
    rows: list[list[str]] = []
    for group, inside in members.items():
        if inside:
            rows.append([group, *[""] * (len(HEADER) - 1)])
        for planned in inside:
            branch = "└─" if planned is inside[-1] else "├─"
            rows.append([f"{branch} {planned.stage}", *_cells(planned, works[planned.stage])])
    return printed.columns(FigureTable(HEADER, rows, left=2), paper, STYLES)


def group_of(graph: Graph, stage: Stage) -> str:
    """Where a stage stands: before the features, among them, among the models, or behind."""
    if stage.about.fuses:
        return "models"
    if stage.sides or stage.about.learns:
        return "features"
    before = [graph.stages[name] for name in graph.needed([stage.name]) if name != stage.name]
    return "results" if any(one.sides or one.about.fuses for one in before) else "videos and captions"


def _cells(planned: Planned, work: Work) -> list[str]:
    """State, units to make of all, items, time, why."""
    todo, units = len(planned.todo), len(planned.todo) + len(planned.cached)
    items = ", ".join(number_of(count, what) for what, count in work.items.items())
    time = "" if not todo else "?" if work.seconds is None else duration(work.seconds)
    return [state(planned), f"{todo:,} of {units:,}", items, time, planned.why]


def state(planned: Planned) -> str:
    """'cached', 'stale' or 'missing'; of a stage of which a part is cached, 'partly stale' or 'partly missing'."""
    if not planned.todo:
        return "cached"
    word = "stale" if planned.stale else "missing"
    return f"partly {word}" if planned.cached or (planned.stale and planned.missing) else word


def totals(plans: Sequence[Planned], works: Mapping[str, Work]) -> str:
    """What is to be made in all, how long that takes, and of which stages only the count is known."""
    todo = [planned for planned in plans if planned.todo]
    if not todo:
        return "nothing to do: everything is cached"
    units = sum(len(planned.todo) + len(planned.cached) for planned in plans)
    line = f"to make: {sum(len(planned.todo) for planned in todo):,} of {number_of(units, 'units')}"
    known = [seconds for planned in todo if (seconds := works[planned.stage].seconds) is not None]
    unknown = [planned.stage for planned in todo if works[planned.stage].seconds is None]
    if known:
        line += f", about {duration(sum(known))} of work by the times of this workspace"
    if unknown:
        other = " of the rest" if known else ""
        line += f"; ?: nothing like it was made here yet, so the time{other} is not known ({', '.join(unknown)})"
    return line
