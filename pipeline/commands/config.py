"""`laff config`: every setting of a run, and where its value comes from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pipeline.commands import complete
from pipeline.commands.options import FORMAT, optional_workspace_options
from pipeline.commands.output import json_option, paper, print_json
from pipeline.commands.shared import Shared

if TYPE_CHECKING:
    from pipeline.plan.configuration import Configuration


@click.command(name="config")
@optional_workspace_options
@click.option("--changed", is_flag=True, help="Leave out the defaults of the code.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print a stages file that gives the same run without a profile.")
@json_option("stages_file, profile, set, threads; stages: of each setting its value, kind of origin, and from where")
@FORMAT
@click.argument("stages_", nargs=-1, metavar="[STAGE]...", shell_complete=complete.STAGES)
def config_command(
    stages_: tuple[str, ...], changed: bool, as_yaml: bool, as_json: bool, form: str, shared: Shared
) -> None:
    """Show every setting of a run and where its value comes from: of all stages, or of those named.

    A value comes from the stages file, a profile, --set, an entry of weights, the stage that trained a part, or it is
    a default of the code. Without -w the stages file alone is read.

    \b
    laff config -w WORK train                   what the last run's train was given
    laff config --profile small --changed       what a profile and the stages file change
    laff config -w WORK --name heads4 --yaml > mine.yaml        then: laff run --stages mine.yaml -c … -w …
    """
    from pipeline.plan import configuration, written_out

    if as_yaml and (stages_ or changed or as_json or form != "text"):
        raise click.UsageError("--yaml prints the whole stages file, so it takes no STAGE and no other form")
    settings = _settings(stages_, shared)
    if as_yaml:
        click.echo(written_out.stages_file(settings.graph, settings.collection), nl=False)
        return
    settings = settings.without_defaults() if changed else settings
    if as_json:
        print_json(configuration.as_json(settings))
    else:
        click.echo(configuration.table(settings, form, paper()))


def _settings(names: tuple[str, ...], shared: Shared) -> Configuration:
    """The configuration that the options mean, with what the workspace remembers where they say nothing."""
    from pipeline.plan import configuration
    from pipeline.store import memory

    if shared.work is None and shared.collection is None and not shared.package:
        return replace(configuration.configuration(shared.graph(), names), sets=shared.sets)
    request = shared.request()
    settings = configuration.configuration(request.graph(), names)
    own = memory.path(request.work, request.name)
    return replace(
        settings,
        collection=request.collection,
        sets=request.sets,
        remembered=(own if own.is_file() else memory.path(request.work)) if request.last else None,
        remembered_sets=frozenset(request.sets) - set(shared.sets) if request.last else frozenset(),
        remembered_profile=bool(request.last and shared.profile is None and request.profile),
    )
