"""`laff run`: makes stages."""

from __future__ import annotations

import click

from pipeline import progress
from pipeline.commands import complete
from pipeline.commands.options import run_options
from pipeline.commands.output import paper
from pipeline.commands.shared import Shared, confirmed
from pipeline.shell import command


def execute(shared: Shared, targets: tuple[str, ...]) -> None:
    """Run stages, print a summary, and exit with an error if too many videos failed."""
    progress.tell("looking what is there and what is to be made")  # on a busy machine that takes seconds
    from pipeline.run import run as run_stages

    request = shared.request()
    outcome = confirmed(request, lambda agreed: run_stages(agreed, targets, shared.retry_failed))
    click.echo(outcome.summary(request.work, paper()))
    shared.check_failures(outcome.lost, f"; see `{command('failures', '-w', request.work)}`")


@click.command(name="run")
@run_options
@click.argument("targets", nargs=-1, metavar="[STAGE]...", shell_complete=complete.STAGES)
def run_command(targets: tuple[str, ...], shared: Shared) -> None:
    """Run all stages that are not cached, or only what the named STAGEs need.

    The workspace remembers what it was given. Without -c, the collection, stages file, profile and --set of the last
    run apply, and options on the command line change them. With -c only the command line counts. It asks before it
    replaces finished features or fine-tunings because settings or code differ. Each training keeps its own place:
    other settings of train, rank or evaluate start a run of their own, which --name names and `laff runs` lists.

    \b
    laff run -c collection.yaml -w WORK --profile small
    laff run -w WORK                                       again, after a crash or with new videos
    laff run -w WORK --set train.seeds=[1,2,3]             more seeds of the same
    laff run -w WORK --set train.heads=4 --name heads4     train again on the same features, beside the first
    """
    execute(shared, targets)
