"""Run a comparison: make the rows of a grid as a run makes its own, and write the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import files, progress
from pipeline.compare import estimate, figures, page, table
from pipeline.compare.grid import Grid
from pipeline.compare.request import requested
from pipeline.compare.rows import Rows
from pipeline.errors import LaffError, did_you_mean
from pipeline.files import write_csv
from pipeline.graph import rescoring
from pipeline.opening import open_context
from pipeline.outcome import Outcome
from pipeline.plan import lacks, losses
from pipeline.plan.context import Context
from pipeline.published import quote
from pipeline.ranking.ranks_file import WAYS
from pipeline.request import Request
from pipeline.run import run
from pipeline.run_plan import check_names
from pipeline.store.workspace import Workspace
from pipeline.training.jobs import Untrained
from pipeline.views.printed import PLAIN, Paper


@dataclass
class Asked:
    """The options of `laff compare`, beside those that every command has."""

    grid: str | Grid  # a shipped grid's name, a file, or a grid
    against: str = ""  # '' is the grid's own
    seeds: tuple[int, ...] = ()  # none: the grid's
    roles: dict[str, str] | None = None


@dataclass
class Compared:
    """The result of a comparison."""

    outcome: Outcome
    figures: dict[str, Any]
    folder: Path
    failed: dict[str, str]  # rows whose training failed -> why


def compare(request: Request, asked: Asked, retry: bool = False) -> Compared:
    """Train and rank the rows of the grid that are not cached; write WORK/compare/<grid>/. Nothing else is changed.

    A row whose training fails is left out of the table. Raises LaffError where no row is left.
    """
    grid_request, grid, rows = requested(request, asked.grid, asked.roles, asked.seeds)
    against = _against(grid, rows, asked.against)
    for name, why in rows.left_out.items():
        progress.say(f"{name} is left out: {why}")
    rank = rows.graph.of_step("rank").name
    failed: dict[str, str] = {}
    outcome = Outcome()
    try:
        run(grid_request, [rank], retry, outcome, _warn)
    except Untrained as error:
        for key, why in error.failed.items():
            failed.setdefault(key.rpartition("/")[0], why)
        rows = rows.without(failed)
        if not rows.models:
            raise
        grid_request = replace(grid_request, rows=rows)
        run(grid_request, [rank], False, outcome)
    with Workspace(request.work).lock():
        context = open_context(grid_request)
        folder = context.work.folder(rank).parent
        table_figures = figures.figures(context, grid, rows, against)
        write(folder, table_figures)
    return Compared(outcome, table_figures, folder, failed)


def dry_run(request: Request, asked: Asked, paper: Paper = PLAIN) -> str:
    """A text of what `compare` would train and how long that takes; makes nothing."""
    grid_request, grid, rows = requested(request, asked.grid, asked.roles, asked.seeds)
    _against(grid, rows, asked.against)
    context = open_context(grid_request)
    names = rows.graph.needed([rows.graph.of_step("rank").name])
    check_names(context, names)
    lacks.check(context, names)
    texts = [estimate.text(estimate.costs(context), estimate.waiting(context), f"{grid.name} on {context.name}", paper)]
    if lost := losses.losses(context, names, grid_request.agreed()):
        texts.append(f"`laff compare` asks first: it would replace {', '.join(loss.stage for loss in lost)}")
    return "\n".join([*texts, *(f"left out: {name}: {why}" for name, why in rows.left_out.items())])


def _warn(context: Context, stages: Sequence[str]) -> None:
    """Say which rows take many times as long to train as others."""
    if context.graph.of_step("rank").sources[0] in stages:
        for warning in estimate.dear(estimate.costs(context)):
            progress.say(f"{warning}; --dry-run lists all rows")


def _against(grid: Grid, rows: Rows, asked: str) -> str:
    """The row that the others are tested against: `asked`, else the grid's, which may be left out here.

    LaffError where the row asked for is unknown or left out.
    """
    if asked in rows.left_out:
        raise LaffError(f"--against {asked}: it is left out here: {rows.left_out[asked]}")
    against = asked or grid.against
    if rescoring.SIGN in asked:
        raise LaffError(f"--against {asked}: rows of second scoring are not comparable with others, and not tested")
    known = [*rows.names, *rows.left_out]
    if against and against not in known:
        where = f"--against {asked}" if asked else f"{grid.path}: against: {against}"
        raise LaffError(f"{where}: no such row{did_you_mean(against, known)}; rows are {', '.join(rows.names)}")
    return against


def write(folder: Path, table_figures: dict[str, Any]) -> None:
    """Write table.{json,txt,csv,md,tex}, quoted.csv, index.html and its plot into a folder."""
    files.write_json(folder / "table.json", table_figures)
    files.write_text(folder / "table.txt", "\n\n".join(table.text(table_figures, way) for way in WAYS) + "\n")
    write_csv(folder / "table.csv", table.csv_rows(table_figures))
    write_csv(folder / "quoted.csv", [quote.LINE, *table_figures["quoted_figures"]])
    for form, ending in (("markdown", "md"), ("latex", "tex")):
        files.write_text(folder / f"table.{ending}", table.written(table_figures, form))
    page.plot(folder / "map", table_figures)
    files.write_text(folder / "index.html", page.comparison(table_figures))
