"""`laff compare`: compare models on the same features in one table, with significance, cost and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.commands import complete
from pipeline.commands.options import FORMAT, mapping, run_options
from pipeline.commands.output import json_option, paper, print_json
from pipeline.commands.shared import Shared, confirmed

if TYPE_CHECKING:
    from pipeline.request import Request


def numbers(context: click.Context, option: click.Parameter, value: str) -> tuple[int, ...]:
    """The numbers of a text: '1,2,3' -> (1, 2, 3)."""
    words = [word.strip() for word in value.split(",")] if value else []
    if not all(word.isdecimal() for word in words) or len(set(words)) < len(words):
        raise click.BadParameter(f"{value!r} should be different whole numbers with commas between, such as 1,2,3")
    return tuple(map(int, words))


ROLES = click.option(
    "--role",
    "roles",
    multiple=True,
    callback=mapping,
    metavar="ROLE=FEATURE",
    help="What $ROLE of the grid stands for.",
)


GRID = click.option(
    "--grid",
    default="",
    metavar="GRID",
    help="Use the rows of this grid of `laff compare`, not those of a run.",
    shell_complete=complete.GRIDS,
)


SEEDS = click.option(
    "--seeds",
    default="",
    callback=numbers,
    metavar="1,2,3",
    help="Other seeds than the grid's, or than --set train.seeds.",
)


def request_of(
    shared: Shared, grid: str, roles: dict[str, str], seeds: tuple[int, ...] = (), known: bool = False
) -> Request:
    """The request of a command: that of a run, or that of a grid's rows if --grid names one; known: as of `request`."""
    if grid:
        from pipeline.compare.request import requested

        return requested(shared.request(known), grid, roles, seeds)[0]
    if roles or seeds:
        raise click.UsageError(f"{'--role' if roles else '--seeds'} belongs to a grid; name it by --grid")
    return shared.request(known)


@click.command(name="compare")
@run_options
@click.option("--against", default="", metavar="ROW", help="Test the others against this row (default: the grid's).")
@SEEDS
@ROLES
@click.option("--dry-run", is_flag=True, help="List what would be trained and how long it takes; makes nothing.")
@FORMAT
@json_option("what table.json of the comparison holds")
@click.argument("grid", shell_complete=complete.GRIDS)
def compare_command(
    grid: str,
    against: str,
    seeds: tuple[int, ...],
    roles: dict[str, str],
    dry_run: bool,
    form: str,
    as_json: bool,
    shared: Shared,
) -> None:
    """Compare the models of a GRID: blocks, systems, or a YAML file of yours.

    \b
    laff compare blocks  -c collection.yaml -w WORK                       the same features, another block
    laff compare systems -c collection.yaml -w WORK --workers 4           the systems of the LAFF paper
    laff compare blocks  -c collection.yaml -w WORK --dry-run             what it would train, and how long that takes
    laff compare mine.yaml -c collection.yaml -w WORK --seeds 1,2 --set train.epochs=20
    laff compare systems -c c.yaml -w WORK --role lead=clip --role lead-text=clip --role lead-frames=clip-frames
        --set 'train.from=[clip,x3d,ircsn,tf,bow,w2v,gru]' --set 'train.raw=[clip]'

    The last example uses another aligned pair than clip-ft: --role changes what $lead means, and two --set change which
    features are fused and which enter untransformed.
    Models are trained as stage train trains its own, into WORK/compare/GRID/train/. A training that the run or another
    comparison already did alike is copied. A killed comparison continues; a further row or seed costs only itself.
    Options of a run apply where they mean the same: --set train.seeds gives the seeds, train.singles=true adds the
    stage's block on each feature alone, rank.pairs adds its rows. A row that takes ten times as long as another is
    named before it is trained.
    With --workers or --scheduler each training is a task. The table goes to WORK/compare/GRID/ as text, CSV, Markdown,
    LaTeX, JSON and HTML: metrics as mean ± std over seeds, a significance test, parameters, FLOPs, seconds an epoch.
    A row whose features the collection lacks is named and left out. So is a row whose training fails, and the command
    then ends with an error.
    """
    from pipeline.compare import run
    from pipeline.compare.table import text, written
    from pipeline.wording import number_of

    request, asked = shared.request(), run.Asked(grid, against, seeds, roles)
    if dry_run:
        click.echo(run.dry_run(request, asked, paper()))
        return
    comparison = confirmed(request, lambda agreed: run.compare(agreed, asked, shared.retry_failed))
    aside = form != "text" or as_json
    click.echo(comparison.outcome.summary(request.work, paper()), err=aside)
    if as_json:
        print_json(comparison.figures)
    elif aside:
        click.echo(written(comparison.figures, form), nl=False)
    else:
        click.echo(f"\n{text(comparison.figures, paper=paper())}\n")
    folder = comparison.folder
    click.echo(f"wrote {folder}/table.{{txt,csv,md,tex,json}}, quoted.csv, map.{{png,svg}}, index.html", err=aside)
    if failed := comparison.failed:
        lines = [f"{number_of(failed, 'rows')} came to nothing", *(f"  - {reason}" for reason in failed.values())]
        raise click.ClickException("\n".join(lines))
    shared.check_failures(comparison.outcome.lost)
