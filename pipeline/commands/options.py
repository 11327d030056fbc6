"""The options that commands share, each defined once, and what they make of them: a Request or a Graph."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.graph.stages_file import StagesFile, shipped

if TYPE_CHECKING:
    from pipeline.graph.graph import Graph
    from pipeline.request import Request

PATH = click.Path(path_type=Path)
Result = TypeVar("Result")
ALIASES = {
    **{"--stages": "stages", "-w": "work", "--work": "work", "-c": "collection", "--collection": "collection"},
    **{"--name": "name", "--package": "package"},
}


def work_option(required: bool = True) -> Callable[..., Any]:
    """The option that names the workspace; where one is needed and none given, the nearest that `laff index` made."""
    return click.option(
        "-w",
        "--work",
        type=PATH,
        required=required,
        default=_nearest if required else None,
        callback=_meant,
        metavar="WORK",
        help="The workspace folder. Without, the .laff that `laff index` made in this folder or one above.",
    )


def _nearest() -> Path | None:
    """The workspace of the current folder or of one above. UsageError where there is none, or -c names a collection.

    A collection has a workspace of its own.
    """
    from pipeline.store import home

    context = click.get_current_context(silent=True)
    named = context is not None and isinstance(context.params.get("collection"), Path)
    found = None if named else home.nearest(Path())
    if found is None and context is not None:  # else the option is only looked at
        raise click.UsageError(
            f"Missing option '-w' / '--work', the workspace (without it, a folder from here upwards should hold the "
            f"{home.NAME} of `laff index`)",
            context,
        )
    return found


def _meant(context: click.Context, option: click.Parameter, value: Path | None) -> Path | None:
    """The workspace that the value of -w means, which may be the folder of videos that keeps it."""
    from pipeline.store import home

    return value and home.meant(value)


def collection_option(required: bool = True) -> Callable[..., Any]:
    """The option that names the collection."""
    return click.option("-c", "--collection", type=PATH, required=required, metavar="FILE", help="The collection.yaml.")


def stages_named(arguments: Sequence[str]) -> Path | None:
    """The stages file that arguments not yet parsed lead to, for it decides which commands there are.

    That of --stages or of --package, else the one that the workspace remembers, of -w or the nearest; None where none
    of them says anything.
    """
    given: dict[str, str] = {}
    for argument, after in zip(arguments, [*arguments[1:], ""], strict=False):
        word, equals, value = argument.partition("=")
        if word in ALIASES and (value if equals else after):
            given[ALIASES[word]] = value if equals else after
    if "stages" in given:
        return Path(given["stages"])
    if "package" in given:
        return _of_package(Path(given["package"]))
    if "collection" in given:
        return None
    from pipeline.store import home

    work = home.meant(Path(given["work"])) if "work" in given else home.nearest(Path())
    if work is None:
        return None
    from pipeline.errors import LaffError
    from pipeline.store import memory

    try:
        known = memory.read(work, given.get("name", "")) or memory.read(work)
    except (LaffError, OSError):  # told when the command looks for it
        return None
    if known and known.package:
        return _of_package(known.package)
    return (known.stages or shipped()) if known else None


def _of_package(folder: Path) -> Path | None:
    """A package's stages file; None where it has none, which is told when the command looks for it."""
    from pipeline.package.manifest import STAGES

    file = folder / STAGES
    return file if file.is_file() else None


def stages_file(context: click.Context, option: click.Parameter, value: Path | None) -> StagesFile:
    """The file of --stages: the one that the command was looked up in, so that it is parsed once."""
    known = context.ensure_object(StagesFile)
    return known if value is None or value == known.given else StagesFile(value)


TRUST = click.option("--trust", multiple=True, metavar="PACKAGE", help="Let `uses:` import from this package too.")
SET = click.option("--set", "sets", multiple=True, metavar="STAGE.PARAM=VALUE", help="Change a param, `from` or `on`.")
PROFILE = click.option(
    "--profile", metavar="PROFILE", help="Apply a profile of the stages file, such as small; '' for none."
)
STAGES = click.option(
    "--stages", type=PATH, callback=stages_file, metavar="FILE", help="Another stages.yaml than the one here."
)


def settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which stages file, and how it is changed."""
    for option in (TRUST, SET, PROFILE, STAGES):
        function = option(function)
    return function


def run_name(context: click.Context, option: click.Parameter, value: str) -> str:
    """The value of --name; BadParameter for one that is too long for a folder."""
    if not value:
        return value
    from pipeline.plan.runs import LONGEST

    if len(value) > LONGEST:
        raise click.BadParameter(f"{value[:20]}… has {len(value)} letters; a run's name is a folder, {LONGEST} at most")
    return value


NAME = click.option(
    "--name",
    default="",
    metavar="NAME",
    callback=run_name,
    help="The run of this name, of those that `laff runs` lists, or a new one.",
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


def where(function: Callable[..., Any], required: bool = True) -> Callable[..., Any]:
    """The options that every command on a workspace takes.

    Without -c the workspace says it, as its last run was given it; so with the stages file, the profile and --set.
    """
    for option in (settings, PACKAGE, NAME, work_option(required), collection_option(required=False)):
        function = option(function)
    return function


def where_alone(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `where` for commands that look at the workspace alone, so that the line of a run does for them."""

    def given_work(*, work: Path, **options: Any) -> Any:
        needless = ("collection", "name", "stages", "profile", "sets", "trust", "package")
        return function(work=work, **{name: value for name, value in options.items() if name not in needless})

    return where(update_wrapper(given_work, function))


def optional_where(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `where`, collection and workspace left to the person."""
    return where(function, required=False)


def doing(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that make something of a collection."""
    return where(working(function))


def working(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how something is made."""
    for option in (
        click.option(
            "--scheduler",
            default="",
            metavar="ADDRESS",
            help="Let the workers of this dask scheduler (tcp://host:port) do the work; they see the same folders.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(0),
            default=0,
            metavar="N",
            help="Extract and train in N processes of this machine, each with a GPU of its own where there are GPUs.",
        ),
        click.option(
            "--max-failures",
            type=int,
            default=-1,
            metavar="N",
            help="End with an error if more videos failed (default: any number may).",
        ),
        click.option("--retry-failed", is_flag=True, help="Try videos again that failed before."),
        AGREE,
    ):
        function = option(function)
    return function


def hands(options: dict[str, Any]) -> dict[str, Any]:
    """Of a Request, who does the work and whether it may replace what is finished, as the options of `working` say."""
    workers, scheduler = options.get("workers", 0), options.get("scheduler", "")
    if workers and scheduler:
        raise click.UsageError("--workers starts processes here, --scheduler uses those elsewhere: give one of them")
    if scheduler and not re.fullmatch(r"(tcp|tls|ucx)://[^\s:/]+:\d+", scheduler):
        raise click.UsageError(f"--scheduler {scheduler!r}: should be an address such as tcp://host:8786")
    return {"workers": workers, "scheduler": scheduler, "replace": options.get("yes", False)}


def request(options: dict[str, Any]) -> Request:
    """The Request that the options of `where` or `doing` make; without -c, on top of what the workspace remembers."""
    from pipeline.request import Request, recalled

    how = hands(options)
    collection, work, name = options["collection"], options["work"], options.get("name", "")
    stages, profile, sets, package = (options[key] for key in ("stages", "profile", "sets", "package"))
    if collection is None:
        known = recalled(work, name, stages if stages.given else None, profile, sets, package)
        if known is None:
            raise click.UsageError(f"{work} remembers no run: give -c FILE, the collection.yaml, this once")
    else:
        known = Request(collection, work, stages, profile or None, sets, name=name, package=package)
    if known.package:
        _check_package(known.package, stages, profile)
    return replace(known, trust=options["trust"], **how)


def _check_package(package: Path, stages: StagesFile, profile: str | None) -> None:
    """UsageError where a --profile or another stages file is given beside a package, which has its own."""
    own, how = _of_package(package), "for a run without it give -c, and another -w"
    if profile:
        raise click.UsageError(f"package {package} fixes the settings of its models, so no --profile fits; {how}")
    if own and stages.given and stages.given.resolve() != own.resolve():
        raise click.UsageError(f"package {package} has a stages file of its own, so no --stages fits; {how}")


def agreeing(wanted: Request, action: Callable[[Request], Result]) -> Result:
    """What `action` gives for a request; a person at a terminal is asked before finished results are replaced.

    ClickException where there is nobody to ask.
    """
    from pipeline.plan.losses import WouldReplace

    try:
        return action(wanted)
    except WouldReplace as would:
        if not _at_a_terminal():
            raise click.ClickException(f"{would}\ngive --yes to replace them, or another -w to keep them") from None
        click.echo(str(would), err=True)
        click.confirm("Replace them?", abort=True, err=True)
    return action(replace(wanted, replace=True))


def _at_a_terminal() -> bool:
    """Whether there is somebody who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def graph_of(options: dict[str, Any]) -> Graph:
    """The graph that the options of `settings` make."""
    from pipeline.graph.stages import load

    return load(options["stages"], options["profile"], options["sets"], options["trust"])
