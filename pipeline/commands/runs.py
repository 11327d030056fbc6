"""`laff runs`: the runs and comparisons of a workspace."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from pipeline.commands.options import FORMAT, workspace_only
from pipeline.commands.output import json_option, paper, print_json
from pipeline.shell import called, command


@click.command(name="runs")
@workspace_only
@click.option("--commands", is_flag=True, help="Print the command that repeats each run, for a shell.")
@json_option("name, kind (run or comparison), folder, state and metrics of each; of a run its settings and command")
@FORMAT
def runs_command(work: Path, commands: bool, as_json: bool, form: str) -> None:
    """List the runs of a workspace: trainings with other settings, side by side on the same features.

    A run is named by --name of `laff run`, or by the settings that differ. `laff run`, `search`, `analyze` and the
    others use the last one, or the one that --name names. Comparisons (`laff compare`) have a table of their own, each
    with its best row. Only the workspace is read; the options of a run are allowed here too.

    \b
    laff runs -w WORK
    laff runs -w WORK --commands                how each was made: paste a line to make it again
    laff search "a dog runs" -w WORK --name heads4
    laff diff main heads4 -w WORK               what two of them differ in
    """
    from pipeline.plan import comparison_list, run_list
    from pipeline.store import home

    if commands and (as_json or form != "text"):
        raise click.UsageError("--commands prints lines for a shell; --json has the commands too")
    home.check(work)
    runs, comparisons = run_list.listed(work), comparison_list.listed(work)
    if as_json:
        print_json([*(run.summary() for run in runs), *(comparison.summary() for comparison in comparisons)])
    elif commands:
        click.echo(run_list.commands(runs, called()))
    else:
        texts = [run_list.table(runs, form, paper())] if runs else []
        texts += [comparison_list.table(comparisons, form, paper())] if comparisons else []
        click.echo("\n\n".join(texts) or _none(work))


def _none(work: Path) -> str:
    """Why a workspace has no run, and what it is for."""
    from pipeline.errors import printable
    from pipeline.store import home, memory

    known = memory.read(work)
    if known and home.is_index(known.collection, work):
        folder = home.shown(work)
        return f"{printable(str(folder))} is an index, which has no runs; {command('search', 'a dog', '-w', folder)}"
    return f"no run yet: laff run -c collection.yaml -w {shlex.quote(str(work))}"
