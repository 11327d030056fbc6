"""The request that a grid stands for: `laff compare` makes its rows, and `laff analyze --grid` looks at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pipeline.compare import grid, rows
from pipeline.compare.grid import Grid
from pipeline.compare.rows import Rows, RunRows
from pipeline.errors import LaffError, Problems
from pipeline.graph import models
from pipeline.graph.graph import Graph
from pipeline.graph.options import ModelOptions, PairOptions
from pipeline.request import Request
from pipeline.store import memory

OVERRULED = ("own", "baselines")  # options of train in whose place a grid has its models


@dataclass
class GridRequest(Request):
    """A request whose graph is that of a grid's rows."""

    is_run: ClassVar[bool] = False  # a comparison stands in a folder of its own, whatever its settings
    rows: Rows | None = None

    def graph(self) -> Graph:
        """The graph that makes these rows."""
        assert self.rows is not None
        return self.rows.graph


def requested(
    request: Request, named: str | Grid, roles: Mapping[str, str] | None = None, seeds: Sequence[int] = ()
) -> tuple[GridRequest, Grid, Rows]:
    """The request, the grid and its rows; `named`: a grid, the name of a shipped one, or a file.

    A `--set` of a run holds for the comparison too, where it means the same there: `train.seeds` are the seeds of its
    models (`seeds` of this call replace them), `train.singles=true` adds the stage's own block on each feature alone,
    `rank.pairs` adds its pairs to those of the grid, and `rank.rescore` second scoring of its rows. What the grid's
    models say instead (OVERRULED) is refused where a person gives it, and ignored where the workspace remembers it of a
    run. LaffError with all that is wrong.
    """
    chosen = grid.load(named) if isinstance(named, str) else named
    graph = request.graph()
    if graph.package:
        raise LaffError(f"package {graph.package.name} is applied as it is; a comparison trains, so it needs a run")
    rank = graph.of_step("rank")
    train = graph.stages[rank.sources[0]]
    settings = {".".join(text.partition("=")[0].strip().split(".")[:2]): text for text in request.sets}
    memory_of_run = memory.read(request.work, request.last) if request.last else None
    remembered = memory_of_run.sets if memory_of_run else ()
    overruled = [
        f"--set {settings[key]}: has no effect, the grid's models say it; copy the grid and change it there"
        for key in (f"{train.name}.{option}" for option in OVERRULED)
        if key in settings and settings[key] not in remembered
    ]
    if len(overruled) == 1:
        raise LaffError(overruled[0])
    Problems(overruled).check(chosen.path)
    seeds = seeds or (train.options_as(ModelOptions).seeds if f"{train.name}.seeds" in settings else ())
    run = RunRows(
        singles=train.options_as(ModelOptions).singles and f"{train.name}.singles" in settings,
        pairs=models.pairs(rank) if f"{rank.name}.pairs" in settings else {},
        rescore=rank.options_as(PairOptions).rescore if f"{rank.name}.rescore" in settings else {},
    )
    grid_rows = rows.rows(chosen, graph, roles or {}, seeds, run)
    return GridRequest(**vars(request), rows=grid_rows), chosen, grid_rows
