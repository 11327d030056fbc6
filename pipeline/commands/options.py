"""The options that commands share, each defined once, and what they make of them: a Request or a Graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.graph.stages_file import StagesFile

if TYPE_CHECKING:
    from pipeline.graph.graph import Graph
    from pipeline.run import Request

PATH = click.Path(path_type=Path)


def work_option(required: bool = True) -> Callable[..., Any]:
    """The option that names the workspace."""
    return click.option("-w", "--work", type=PATH, required=required, metavar="WORK", help="The workspace folder.")


def collection_option(required: bool = True) -> Callable[..., Any]:
    """The option that names the collection."""
    return click.option("-c", "--collection", type=PATH, required=required, metavar="FILE", help="The collection.yaml.")


def stages_named(arguments: Sequence[str]) -> Path | None:
    """The value of --stages among arguments not yet parsed: it decides which commands there are."""
    named = None
    for argument, after in zip(arguments, [*arguments[1:], ""], strict=False):
        if argument == "--stages" and after:
            named = Path(after)
        elif argument.startswith("--stages="):
            named = Path(argument.partition("=")[2])
    return named


def stages_file(context: click.Context, option: click.Parameter, value: Path | None) -> StagesFile:
    """The file of --stages: the one that the command was looked up in, so that it is parsed once."""
    known = context.ensure_object(StagesFile)
    return known if value is None or value == known.given else StagesFile(value)


TRUST = click.option("--trust", multiple=True, metavar="PACKAGE", help="Let `uses:` import from this package too.")
SET = click.option("--set", "sets", multiple=True, metavar="STAGE.PARAM=VALUE", help="Change a param, `from` or `on`.")
PROFILE = click.option("--profile", metavar="NAME", help="Apply a profile of the stages file, such as small.")
STAGES = click.option(
    "--stages", type=PATH, callback=stages_file, metavar="FILE", help="Another stages.yaml than the one here."
)


def settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which stages file, and how it is changed."""
    for option in (TRUST, SET, PROFILE, STAGES):
        function = option(function)
    return function


def where(function: Callable[..., Any], required: bool = True) -> Callable[..., Any]:
    """The options that every command on a workspace takes."""
    for option in (settings, work_option(required), collection_option(required)):
        function = option(function)
    return function


def optional_where(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `where`, collection and workspace left to the person."""
    return where(function, required=False)


def doing(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that make something."""
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
    ):
        function = option(function)
    return where(function)


def request(options: dict[str, Any]) -> Request:
    """The Request that the options of `where` or `doing` make."""
    from pipeline.run import Request

    workers, scheduler = options.get("workers", 0), options.get("scheduler", "")
    if workers and scheduler:
        raise click.UsageError("--workers starts processes here, --scheduler uses those elsewhere: give one of them")
    if scheduler and not re.fullmatch(r"(tcp|tls|ucx)://[^\s:/]+:\d+", scheduler):
        raise click.UsageError(f"--scheduler {scheduler!r}: should be an address such as tcp://host:8786")
    return Request(
        options["collection"],
        options["work"],
        options["stages"],
        options["profile"],
        options["sets"],
        options["trust"],
        workers,
        scheduler,
    )


def graph_of(options: dict[str, Any]) -> Graph:
    """The graph that the options of `settings` make."""
    from pipeline.graph.stages import load

    return load(options["stages"], options["profile"], options["sets"], options["trust"])
