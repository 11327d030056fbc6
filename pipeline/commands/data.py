"""`laff verify` and `laff gc`: the files of a workspace, whole and in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.commands.options import request, where, where_alone


@click.command(name="verify")
@where_alone
@click.option("--dry-run", is_flag=True, help="Only tell what is damaged.")
def verify_command(work: Path, dry_run: bool) -> None:
    """Read every file of a workspace and set damaged ones aside, so that the next run makes them again.

    A damaged file keeps its place under the name FILE.damaged. Ends with an error if there is any. Where a link leads
    out of the workspace, files are read and nothing is changed. The workspace alone is looked at; the options of the
    run may stand here too.
    """
    from pipeline.errors import printable
    from pipeline.graph.step_facts import made
    from pipeline.store import verify as files

    kinds = files.Kinds(made())
    count, damaged = files.damaged(work, kinds)
    for name, target in files.links(work).items():
        click.echo(printable(f"{work / name} is a link to {target}: what lies there is read, never changed"))
    outside = [name for name in damaged if files.is_outside(work, name)]
    for name, wrong in damaged.items():
        where = f" (it lies outside the workspace, in {(work / name).parent.resolve()})" if name in outside else ""
        click.echo(f"{work / name}: {wrong}{where}")
    if not damaged:
        click.echo(f"{count} files, none is damaged")
        return
    if dry_run:
        raise click.ClickException(f"{len(damaged)} of {count} files are damaged; without --dry-run they are set aside")
    moved = files.set_aside(work, kinds, list(damaged))
    told = (
        f"{len(moved)} of {count} files were damaged and set aside, each in its folder as FILE{files.DAMAGED}; "
        "`laff run` makes them again"
    )
    if outside:
        told += f"; {len(outside)} more outside the workspace: delete them yourself if they are yours to delete"
    raise click.ClickException(told)


@click.command(name="gc")
@where
@click.option("--yes", is_flag=True, help="Delete it.")
def gc_command(yes: bool, **options: Any) -> None:
    """List files of a workspace that neither this configuration nor another run uses; --yes deletes them.

    What the runs that `laff runs` lists were given counts as used. Of the run that this configuration belongs to only
    what THIS says counts: seeds, models and stages that it had before are unused. Files that laff did not write stay.
    """
    from pipeline import gc as unused

    wanted = request(options)
    found = unused.remove(wanted) if yes else unused.leftovers(wanted)
    click.echo(unused.table(wanted.work, found))
    if found.unused:
        click.echo("deleted" if yes else "nothing is deleted yet: --yes does it")
