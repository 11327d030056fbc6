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
from pipeline.outcome import Outcome
from pipeline.plan import lacks, losses
from pipeline.plan.context import Context
from pipeline.ranking.ranks_file import WAYS
from pipeline.request import Request
from pipeline.run import check_names, open_context, run
from pipeline.store.workspace import Workspace
from pipeline.training.jobs import Untrained


@dataclass
class Asked:
    """What is compared, beside the options that every command has."""

    grid: str  # a shipped grid's name, or a file
    against: str = ""  # '' is the grid's own
    seeds: tuple[int, ...] = ()  # none: the grid's
    roles: dict[str, str] | None = None


@dataclass
class Compared:
    """What came of it."""

    outcome: Outcome
    figures: dict[str, Any]
    folder: Path
    failed: dict[str, str]  # rows that came to nothing -> why


def compare(request: Request, asked: Asked, retry: bool = False) -> Compared:
    """Train and rank what of the grid is not cached; write WORK/compare/<grid>/. Other results stay as they are.

    A row whose training comes to nothing is left out of the table. Raises LaffError where none is left.
    """
    wanted, chosen, made = requested(request, asked.grid, asked.roles, asked.seeds)
    against = _against(chosen, made, asked.against)
    for name, why in made.left_out.items():
        progress.say(f"{name} is left out: {why}")
    rank = made.graph.of_step("rank").name
    failed: dict[str, str] = {}
    outcome = Outcome()
    try:
        run(wanted, [rank], retry, outcome, _warn)
    except Untrained as error:
        for key, why in error.failed.items():
            failed.setdefault(key.rpartition("/")[0], why)
        made = made.without(failed)
        if not made.models:
            raise
        wanted = replace(wanted, rows=made)
        run(wanted, [rank], False, outcome)
    with Workspace(request.work).lock():
        context = open_context(wanted)
        folder = context.work.folder(rank).parent
        found = figures.figures(context, chosen, made, against)
        write(folder, found)
    return Compared(outcome, found, folder, failed)


def dry_run(request: Request, asked: Asked) -> str:
    """What `compare` would train and how long that takes, for a terminal; makes nothing."""
    wanted, chosen, made = requested(request, asked.grid, asked.roles, asked.seeds)
    _against(chosen, made, asked.against)
    context = open_context(wanted)
    names = made.graph.needed([made.graph.of_step("rank").name])
    check_names(context, names)
    lacks.check(context, names)
    told = [estimate.text(estimate.costs(context), estimate.waiting(context), f"{chosen.name} on {context.name}")]
    if lost := losses.losses(context, names, wanted.agreed()):
        told.append(f"`laff compare` asks first: it would replace {', '.join(loss.stage for loss in lost)}")
    return "\n".join([*told, *(f"left out: {name}: {why}" for name, why in made.left_out.items())])


def _warn(context: Context, stages: Sequence[str]) -> None:
    """Before the trainings, say which rows take many times as long as others."""
    if context.graph.of_step("rank").sources[0] in stages:
        for warning in estimate.dear(estimate.costs(context)):
            progress.say(f"{warning}; --dry-run lists all rows")


def _against(chosen: Grid, made: Rows, asked: str) -> str:
    """The row that the others are tested against: the one asked for, else the grid's, which may be left out here."""
    if asked in made.left_out:
        raise LaffError(f"--against {asked}: it is left out here: {made.left_out[asked]}")
    against = asked or chosen.against
    known = [*made.names, *made.left_out]
    if against and against not in known:
        where = f"--against {asked}" if asked else f"{chosen.path}: against: {against}"
        raise LaffError(f"{where}: no such row{did_you_mean(against, known)}; rows are {', '.join(made.names)}")
    return against


def write(folder: Path, found: dict[str, Any]) -> None:
    """table.json, table.txt, table.csv, index.html and the plot that it shows."""
    files.write_json(folder / "table.json", found)
    files.write_text(folder / "table.txt", "\n\n".join(table.text(found, way) for way in WAYS) + "\n")
    write_csv(folder / "table.csv", table.csv_rows(found))
    page.plot(folder / "map", found)
    files.write_text(folder / "index.html", page.comparison(found))
