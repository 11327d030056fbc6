"""A grid as a request: what `laff compare` makes, and `laff analyze --grid` looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pipeline.compare import grid, rows
from pipeline.compare.grid import Grid
from pipeline.compare.rows import Rows
from pipeline.errors import LaffError, problems
from pipeline.graph.graph import Graph
from pipeline.request import Request

OVERRULED = {
    "own": "models",
    "singles": "models",
    "baselines": "models",
    "seeds": "seeds",
}  # of train, by the grid's key


@dataclass
class GridRequest(Request):
    """A request whose graph is that of a grid's rows."""

    own: ClassVar[bool] = False  # a comparison stands in a folder of its own, whatever its settings
    rows: Rows | None = None

    def graph(self) -> Graph:
        """The graph that makes these rows."""
        assert self.rows is not None
        return self.rows.graph


def requested(
    request: Request, name: str, roles: Mapping[str, str] | None = None, seeds: Sequence[int] = ()
) -> tuple[GridRequest, Grid, Rows]:
    """The rows of a grid, shipped or a file, on what a request says. LaffError with all that is wrong with either."""
    chosen = grid.load(name)
    graph = request.graph()
    _check_sets(chosen, graph, request.sets, seeds)
    made = rows.rows(chosen, graph, roles or {}, seeds)
    return GridRequest(**vars(request), rows=made), chosen, made


def _check_sets(chosen: Grid, graph: Graph, sets: Sequence[str], seeds: Sequence[int]) -> None:
    """LaffError for a --set that the grid would overrule."""
    rank = graph.of_step("rank")
    of = {f"{rank.sources[0]}.{option}": key for option, key in OVERRULED.items()} | {f"{rank.name}.pairs": "pairs"}
    if not (seeds or chosen.seeds):
        del of[f"{rank.sources[0]}.seeds"]
    wrong = []
    for text in sets:
        name = ".".join(text.partition("=")[0].strip().split(".")[:2])
        if name in of:
            how = "give --seeds" if of[name] == "seeds" else "copy the grid and change it there"
            wrong.append(f"--set {text}: has no effect, the grid's {of[name]} say it; {how}")
    if wrong:
        raise problems(str(chosen.path), wrong) if len(wrong) > 1 else LaffError(wrong[0])
