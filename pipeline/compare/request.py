"""A grid as a request: what `laff compare` makes, and `laff analyze --grid` looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pipeline.compare import grid, rows
from pipeline.compare.grid import Grid
from pipeline.compare.rows import Rows, RunRows
from pipeline.errors import LaffError, problems
from pipeline.graph.graph import Graph
from pipeline.request import Request
from pipeline.store import memory

OVERRULED = ("own", "baselines")  # options of train that a grid's models say


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
    """The rows of a grid, shipped or a file, on what a request says. LaffError with all that is wrong with either.

    What `--set` says of a run, it says of the comparison where that means the same: `train.seeds` are the seeds of its
    models (`seeds` of this call overrule them), `train.singles=true` adds the stage's own block on each feature alone,
    `rank.pairs` adds its pairs to those of the grid. What the grid's models say instead (OVERRULED) is refused where a
    person gives it, and is nothing to this command where the workspace remembers it of a run.
    """
    chosen = grid.load(name)
    graph = request.graph()
    if graph.package:
        raise LaffError(f"package {graph.package.name} is applied as it is; a comparison trains, so it needs a run")
    rank = graph.of_step("rank")
    train = graph.stages[rank.sources[0]]
    said = {".".join(text.partition("=")[0].strip().split(".")[:2]): text for text in request.sets}
    known = memory.read(request.work, request.last) if request.last else None
    remembered = known.sets if known else ()
    wrong = [
        f"--set {said[key]}: has no effect, the grid's models say it; copy the grid and change it there"
        for key in (f"{train.name}.{option}" for option in OVERRULED)
        if key in said and said[key] not in remembered
    ]
    if wrong:
        raise problems(str(chosen.path), wrong) if len(wrong) > 1 else LaffError(wrong[0])
    seeds = seeds or (train.options["seeds"] if f"{train.name}.seeds" in said else ())
    run = RunRows(
        singles=train.options["singles"] and f"{train.name}.singles" in said,
        pairs=rank.options["pairs"] if f"{rank.name}.pairs" in said else {},
    )
    made = rows.rows(chosen, graph, roles or {}, seeds, run)
    return GridRequest(**vars(request), rows=made), chosen, made
