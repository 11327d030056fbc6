"""`laff compare`: several models on the same features in one table, with significance, cost and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pipeline.commands.options import agreeing, doing, request

if TYPE_CHECKING:
    from pipeline.request import Request


def numbers(context: click.Context, option: click.Parameter, value: str) -> tuple[int, ...]:
    """'1,2,3' -> (1, 2, 3)."""
    words = [word.strip() for word in value.split(",")] if value else []
    if not all(word.isdecimal() for word in words) or len(set(words)) < len(words):
        raise click.BadParameter(f"{value!r} should be different whole numbers with commas between, such as 1,2,3")
    return tuple(map(int, words))


def roles_of(context: click.Context, option: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """('lead=conse',) -> {'lead': 'conse'}."""
    pairs = [text.partition("=") for text in value]
    if wrong := ["".join(pair) for pair in pairs if not all(pair)]:
        raise click.BadParameter(f"{wrong[0]!r} should be ROLE=FEATURE, such as lead=clip-ft")
    return {role: name for role, _, name in pairs}


ROLES = click.option(
    "--role",
    "roles",
    multiple=True,
    callback=roles_of,
    metavar="ROLE=FEATURE",
    help="What $ROLE of the grid stands for.",
)


GRID = click.option(
    "--grid", default="", metavar="GRID", help="The rows of this grid of `laff compare`, not those of a run."
)


SEEDS = click.option(
    "--seeds",
    default="",
    callback=numbers,
    metavar="1,2,3",
    help="Other seeds than the grid's, or than --set train.seeds.",
)


def looked_at(options: dict[str, Any], grid: str, roles: dict[str, str], seeds: tuple[int, ...] = ()) -> Request:
    """The request of a command: of the run, or of a grid's rows."""
    if grid:
        from pipeline.compare.request import requested

        return requested(request(options), grid, roles, seeds)[0]
    if roles or seeds:
        raise click.UsageError(f"{'--role' if roles else '--seeds'} is of a grid; name it by --grid")
    return request(options)


@click.command(name="compare")
@doing
@click.option("--against", default="", metavar="ROW", help="Test the others against this row (default: the grid's).")
@SEEDS
@ROLES
@click.option("--dry-run", is_flag=True, help="List what would be trained and how long it takes; makes nothing.")
@click.argument("grid")
def compare_command(
    grid: str,
    against: str,
    seeds: tuple[int, ...],
    roles: dict[str, str],
    dry_run: bool,
    retry_failed: bool,
    max_failures: int,
    **options: Any,
) -> None:
    """Compare the models of a GRID: blocks, systems, or a YAML file of yours.

    \b
    laff compare blocks  -c collection.yaml -w WORK                       the same features, another block
    laff compare systems -c collection.yaml -w WORK --workers 4           the systems of the LAFF paper
    laff compare blocks  -c collection.yaml -w WORK --dry-run             what it would train, and how long that takes
    laff compare mine.yaml -c collection.yaml -w WORK --seeds 1,2 --set train.epochs=20
    laff compare systems -c c.yaml -w WORK --role lead=clip --role lead-text=clip --role lead-frames=clip-frames
        --set 'train.from=[clip,x3d,ircsn,tf,bow,w2v,gru]' --set 'train.raw=[clip]'

    The last takes another aligned pair than clip-ft: what is fused and what enters untransformed change with $lead.
    Models are trained as stage train trains its own, into WORK/compare/GRID/train/, and what the run or another
    comparison has trained alike is taken over. A killed comparison goes on, a further row or seed costs only itself.
    Options of a run are taken where they mean the same: --set train.seeds are the seeds, train.singles=true adds the
    stage's block on each feature alone, rank.pairs adds its rows. A row that takes ten times as long as another is told
    before it is trained.
    With --workers or --scheduler each training is a task. The table goes to WORK/compare/GRID/ as text, CSV, JSON and
    HTML: metrics as mean ± std over seeds, a significance test, parameters, FLOPs, seconds an epoch. A row whose
    features the collection lacks is named and left out; one whose training comes to nothing too, and the command then
    ends with an error.
    """
    from pipeline.compare import run
    from pipeline.compare.table import text

    wanted, asked = request(options), run.Asked(grid, against, seeds, roles)
    if dry_run:
        click.echo(run.dry_run(wanted, asked))
        return
    found = agreeing(wanted, lambda agreed: run.compare(agreed, asked, retry_failed))
    click.echo(found.outcome.summary(wanted.work))
    click.echo(f"\n{text(found.figures)}\n\ntable, both ways: {found.folder}/table.{{txt,csv,json}}, index.html")
    if found.failed:
        raise click.ClickException(
            "\n".join([f"{len(found.failed)} row(s) came to nothing", *(f"  - {why}" for why in found.failed.values())])
        )
    if 0 <= max_failures < found.outcome.lost:
        raise click.ClickException(f"{found.outcome.lost} videos failed, more than --max-failures {max_failures}")
