"""`laff runs`: the runs that stand side by side in a workspace."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipeline.commands.options import where_alone


@click.command(name="runs")
@where_alone
@click.option("--json", "as_json", is_flag=True, help="For programs: name, folder, settings and metrics of each.")
def runs_command(work: Path, as_json: bool) -> None:
    """List the runs of a workspace: trainings with other settings, side by side on the same features.

    Each is named by --name of `laff run`, or after what differs. `laff run`, `search`, `analyze` and the others take
    the last one; --name takes another. The workspace alone is looked at; the options of a run may stand here too.

    \b
    laff runs -w WORK
    laff search "a dog runs" -w WORK --name heads4
    """
    from pipeline.plan import run_list

    if not work.is_dir():
        raise click.ClickException(f"{work}: no such workspace")
    listed = run_list.listed(work)
    if as_json:
        click.echo(json.dumps([run.summary() for run in listed], indent=1, ensure_ascii=False))
    elif listed:
        click.echo(run_list.table(listed))
    else:
        click.echo(f"no run yet: laff run -c collection.yaml -w {work}")
