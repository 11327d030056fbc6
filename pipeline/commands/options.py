"""The click options that commands share, each defined once; a command gets their values as one `shared: Shared`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import update_wrapper
from pathlib import Path
from typing import Any

import click

from pipeline.commands import complete
from pipeline.commands.shared import Shared
from pipeline.graph.stages_file import StagesFile

PATH = click.Path(path_type=Path)
SHARED = {field.name for field in fields(Shared)}
Command = Callable[..., Any]  # the function of a command, or the decorator that click makes of an option


def _nearest() -> Path | None:
    """The workspace of the current folder or of one above; UsageError if there is none or if -c names a collection.

    A collection has a workspace of its own.
    """
    from pipeline.store import home

    context = click.get_current_context(silent=True)
    if context is not None and context.resilient_parsing:  # a shell completes a line that is not finished
        return None
    has_collection = context is not None and isinstance(context.params.get("collection"), Path)
    workspace = None if has_collection else home.nearest(Path())
    if workspace is None and context is not None:  # without a context somebody only inspects the option
        raise click.UsageError(
            f"Missing option '-w' / '--work', the workspace (without it, a folder from here upwards should hold the "
            f"{home.NAME} that `laff index FOLDER` makes)",
            context,
        )
    return workspace


def _workspace_of(context: click.Context, option: click.Parameter, value: Path | None) -> Path | None:
    """The workspace that the value of -w means; it may be the folder of videos that holds the workspace."""
    from pipeline.store import home

    return value and home.meant(value)


class OneOf(click.Choice):  # type: ignore[type-arg]  # older versions of click know no type of choices
    """One of some words; a word that is near to one of them is told."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The word, as click takes it; BadParameter for any other."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            from pipeline.errors import did_you_mean

            hint = did_you_mean(str(value), [str(choice) for choice in self.choices])
            raise click.BadParameter(error.message.rstrip(".") + hint, ctx, param) from None


def work_option(required: bool = True) -> Command:
    """The option that names the workspace; if `required` and not given, the nearest that `laff index` made."""
    return click.option(
        "-w",
        "--work",
        type=PATH,
        default=_nearest if required else None,
        callback=_workspace_of,
        metavar="WORK",
        help="The workspace folder. Without, the .laff that `laff index` made in this folder or one above.",
    )


def equations(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, str]]:
    """The values of an option LEFT=RIGHT that may be given several times; BadParameter for another form."""
    pairs = [tuple(part.strip() for part in value.partition("=")[::2]) for value in values]
    for value, pair in zip(values, pairs, strict=True):
        if not all(pair):
            raise click.BadParameter(f"{value!r} should be {option.metavar}")
    return [(left, right) for left, right in pairs]


def mapping(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """The values of an option LEFT=RIGHT as {left: right}; of equal left sides the last counts."""
    return dict(equations(context, option, values))


def stages_file(context: click.Context, option: click.Parameter, value: Path | None) -> StagesFile:
    """The file of --stages: the one in which the command itself was found, so that it is parsed once."""
    known = context.ensure_object(StagesFile)
    return known if value is None or value == known.given else StagesFile(value)


def run_name(context: click.Context, option: click.Parameter, value: str) -> str:
    """The value of --name; BadParameter for one that is too long for a folder."""
    if not value:
        return value
    from pipeline.plan.runs import LONGEST

    if len(value) > LONGEST:
        raise click.BadParameter(f"{value[:20]}… has {len(value)} letters; a run's name is a folder, {LONGEST} at most")
    return value


COLLECTION = click.option("-c", "--collection", type=PATH, metavar="FILE", help="The collection.yaml.")
TRUST = click.option("--trust", multiple=True, metavar="PACKAGE", help="Let `uses:` import from this package too.")
SET = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="STAGE.PARAM=VALUE",
    help="Change a param, `from` or `on`.",
    shell_complete=complete.settings,
)
PROFILE = click.option(
    "--profile",
    metavar="PROFILE",
    help="Apply a profile of the stages file, such as small; '' for none.",
    shell_complete=complete.PROFILES,
)
ATTRIBUTE = click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Of an AVS run (.xml): pid, trType, class, priority, desc, elapsedTime, task or novelty.",
)
STAGES = click.option(
    "--stages", type=PATH, callback=stages_file, metavar="FILE", help="Another stages.yaml than the one here."
)
NAME = click.option(
    "--name",
    default="",
    metavar="NAME",
    callback=run_name,
    help="The run of this name, of those that `laff runs` lists, or a new one.",
    shell_complete=complete.RUNS,
)
PACKAGE = click.option(
    "--package",
    type=PATH,
    metavar="FOLDER",
    help="Apply the models of this package, which `laff package` made, in place of a stages file.",
)
AGREE = click.option(
    "--yes", is_flag=True, help="Replace finished features and fine-tunings where settings or code differ, unasked."
)
SCHEDULER = click.option(
    "--scheduler",
    default="",
    metavar="ADDRESS",
    help="Let the workers of this dask scheduler (tcp://host:port) do the work; they see the same folders.",
)
WORKERS = click.option(
    "--workers",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Extract and train in N processes of this machine, each with a GPU of its own where there are GPUs.",
)
MAX_FAILURES = click.option(
    "--max-failures",
    type=int,
    default=-1,
    metavar="N",
    help="End with an error if more videos failed (default: any number may).",
)
RETRY_FAILED = click.option("--retry-failed", is_flag=True, help="Try videos again that failed before.")

FORMAT = click.option(
    "--format",
    "form",
    type=OneOf(["text", "csv", "markdown", "latex"]),
    default="text",
    show_default=True,
    help="Print the table in this format, and all else to the error stream.",
)

SETTINGS = (STAGES, PROFILE, SET, TRUST)  # which stages file, and how it is changed
WORK = (AGREE, RETRY_FAILED, MAX_FAILURES, WORKERS, SCHEDULER)  # how something is made


def _with(function: Command, *options: Command) -> Command:
    """A command that takes these options, in the order of its help, and gets them as one `shared: Shared`."""

    def call(**values: Any) -> Any:
        shared = Shared(**{name: values.pop(name) for name in SHARED & values.keys()})
        return function(shared=shared, **values)

    command: Command = update_wrapper(call, function)
    for option in reversed(options):
        command = option(command)
    return command


def settings_options(function: Command) -> Command:
    """The options that say which stages file to take and how it is changed."""
    return _with(function, *SETTINGS)


def workspace_options(function: Command) -> Command:
    """The options that every command on a workspace takes.

    Without -c, the workspace knows the collection, the stages file, the profile and --set of its last run.
    """
    return _with(function, COLLECTION, work_option(), NAME, PACKAGE, *SETTINGS)


def optional_workspace_options(function: Command) -> Command:
    """The options of `workspace_options`, for a command that also works without a workspace."""
    return _with(function, COLLECTION, work_option(required=False), NAME, PACKAGE, *SETTINGS)


def run_options(function: Command) -> Command:
    """The options of commands that run stages on a collection."""
    return _with(function, COLLECTION, work_option(), NAME, PACKAGE, *SETTINGS, *WORK)


def optional_run_options(function: Command) -> Command:
    """The options of `run_options`, for a command that also works without a workspace."""
    return _with(function, COLLECTION, work_option(required=False), NAME, PACKAGE, *SETTINGS, *WORK)


def index_options(function: Command) -> Command:
    """The options of `laff index`, which makes the collection itself."""
    return _with(function, *SETTINGS, PACKAGE, work_option(required=False), *WORK)


def workspace_only(function: Command) -> Command:
    """The options of `workspace_options` for a command that uses the workspace alone, and gets it as `work`.

    So the options of a run can stay on the command line.
    """

    def call(*, shared: Shared, **values: Any) -> Any:
        return function(work=shared.work, **values)

    return workspace_options(update_wrapper(call, function))
