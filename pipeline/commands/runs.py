"""`laff runs`: the runs of a workspace."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipeline.commands.options import FORMAT, workspace_only


@click.command(name="runs")
@workspace_only
@click.option("--json", "as_json", is_flag=True, help="For programs: name, folder, settings and metrics of each.")
@FORMAT
def runs_command(work: Path, as_json: bool, form: str) -> None:
    """List the runs of a workspace: trainings with other settings, side by side on the same features.

    A run is named by --name of `laff run`, or by the settings that differ. `laff run`, `search`, `analyze` and the
    others use the last one, or the one that --name names. Only the workspace is read; the options of a run are allowed
    here too.

    \b
    laff runs -w WORK
    laff search "a dog runs" -w WORK --name heads4
    """
    from pipeline.plan import run_list

    if not work.is_dir():
        raise click.ClickException(f"{work}: no such workspace")
    runs = run_list.listed(work)
    if as_json:
        click.echo(json.dumps([run.summary() for run in runs], indent=1, ensure_ascii=False))
    elif runs:
        click.echo(run_list.table(runs, form))
    else:
        click.echo(f"no run yet: laff run -c collection.yaml -w {work}")
