"""`laff verify` and `laff gc`: damaged and unused files of a workspace."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands.options import workspace_only, workspace_options
from pipeline.commands.output import json_option, paper, print_json
from pipeline.commands.shared import Shared


@click.command(name="verify")
@workspace_only
@click.option("--dry-run", is_flag=True, help="Only list what is damaged.")
@json_option("files (their number), damaged (file and why), outside, set_aside, links")
def verify_command(work: Path, dry_run: bool, as_json: bool) -> None:
    """Read every file of a workspace and set damaged ones aside, so that the next run makes them again.

    A damaged file stays in its folder under the name FILE.damaged. Ends with an error if there is any. Files outside
    the workspace, which a link leads to, are read and never changed. Only the workspace is read; the options of the
    run are allowed here too.
    """
    from pipeline.errors import printable
    from pipeline.graph.step_facts import made
    from pipeline.store import verify as files
    from pipeline.wording import number_of

    kinds = files.Kinds(made())
    count, damaged = files.damaged(work, kinds)
    links = files.links(work)
    outside = [name for name in damaged if files.is_outside(work, name)]
    if as_json:
        moved = [] if dry_run or not damaged else files.set_aside(work, kinds, list(damaged))
        print_json({"files": count, "damaged": damaged, "outside": outside, "set_aside": list(moved), "links": links})
        if damaged:
            raise SystemExit(1)
        return
    for name, target in links.items():
        click.echo(printable(f"{work / name} is a link to {target}: files there are read, never changed"))
    for name, wrong in damaged.items():
        where = f" (it lies outside the workspace, in {(work / name).parent.resolve()})" if name in outside else ""
        click.echo(f"{work / name}: {wrong}{where}")
    if not damaged:
        click.echo(f"{number_of(count, 'files')}, none is damaged")
        return
    if dry_run:
        raise click.ClickException(
            f"{len(damaged):,} of {number_of(count, 'files')} are damaged; without --dry-run they are set aside"
        )
    moved = files.set_aside(work, kinds, list(damaged))
    message = (
        f"{len(moved):,} of {number_of(count, 'files')} were damaged and set aside, each in its folder as "
        f"FILE{files.DAMAGED}; `laff run` makes them again"
    )
    if outside:
        message += f"; {len(outside)} more outside the workspace: delete them yourself if they are yours to delete"
    raise click.ClickException(message)


@click.command(name="gc")
@workspace_options
@click.option("--yes", is_flag=True, help="Delete it.")
@json_option("unused (file, bytes, why of each), bytes in all, foreign, links, deleted")
def gc_command(as_json: bool, shared: Shared) -> None:
    """List files of a workspace that neither this configuration nor another run uses; --yes deletes them.

    Whatever a run of `laff runs` was given counts as used. Only of the run that this configuration belongs to, the
    present settings count: seeds, models and stages that it had before are unused. Files that laff did not write stay.
    """
    from pipeline import gc as unused

    request = shared.request(known=True)
    leftovers = unused.remove(request) if shared.yes else unused.leftovers(request)
    if as_json:
        print_json(leftovers.summary() | {"deleted": shared.yes})
        return
    click.echo(unused.table(request.work, leftovers, paper()))
    if leftovers.unused:
        click.echo("deleted" if shared.yes else "nothing is deleted yet: --yes does it")
