"""`laff plan` and `accept`: what a run would make and why, and results of earlier code kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands import complete
from pipeline.commands.compare import GRID, ROLES, SEEDS, request_of
from pipeline.commands.options import workspace_options
from pipeline.commands.output import json_option, paper, print_json
from pipeline.commands.shared import Shared
from pipeline.shell import command

if TYPE_CHECKING:
    from pipeline.graph.graph import Graph
    from pipeline.plan.accept import Accepted
    from pipeline.run_plan import Plan


@click.command(name="plan")
@workspace_options
@json_option("of each stage shards, cached, stale, missing, reasons, code, state, items, seconds, from, random, asks")
@click.option("--retry-failed", is_flag=True, help="Plan as `run --retry-failed` would.")
@GRID
@ROLES
@SEEDS
@click.argument("targets", nargs=-1, metavar="[STAGE]...", shell_complete=complete.STAGES)
def plan_command(
    targets: tuple[str, ...],
    as_json: bool,
    grid: str,
    roles: dict[str, str],
    seeds: tuple[int, ...],
    shared: Shared,
) -> None:
    """Show what is cached, stale or missing, why, and how long the rest takes; this runs nothing and reads no video.

    Times are those that such work took in this workspace, in one process; ? where it has not done such work yet.

    \b
    laff plan -c collection.yaml -w WORK --profile small
    laff plan -c collection.yaml -w WORK --grid blocks              of what `laff compare blocks` makes
    """
    from pipeline.graph import kept
    from pipeline.plan import named_files, tree
    from pipeline.run_plan import plan as make_plan
    from pipeline.run_plan import targets_of
    from pipeline.store import home
    from pipeline.views.printed import folded

    request = request_of(shared, grid, roles, seeds)
    graph = request.graph()
    is_index = not grid and kept.stage_of(graph) is not None and home.is_index(request.collection, request.work)
    default = (graph.of_step("rank").name,) if grid else ()
    if is_index and (vectors := kept.stage_of(graph)):
        default = (vectors.name,)  # what `laff index` makes
    names = targets_of(graph, targets or default)
    plan = make_plan(request, names, shared.retry_failed)
    if as_json:
        print_json(plan.summary(graph))
        return
    click.echo(tree.text(graph, plan.stages, plan.work, paper()))
    index = is_index and not targets
    verb = "laff index" if index else "laff compare" if grid else "laff run"
    asked = list(graph.stages) if index else names  # of an index nobody asked for more
    for line in remarks(plan, graph, asked, request.work, verb):
        click.echo(folded(line, paper()))
    if any(one.todo for one in plan.stages):
        words: list[str | Path] = ["compare", grid, *_of_grid(roles, seeds)] if grid else ["run", *targets]
        whole = replace(shared, sets=named_files.in_full(shared.sets, graph, request.collection)[0])
        if index:
            folder = home.shown(request.work)
            words = ["index", *([folder] if folder != request.work else ["-w", folder]), *whole.settings_words()]
        else:
            words += whole.words()
        click.echo(f"next: {command(*words, *(['--retry-failed'] if shared.retry_failed else []))}")


def remarks(plan: Plan, graph: Graph, names: list[str], work: Path, verb: str) -> Iterator[str]:
    """What a person should know of a plan besides its stages, line by line.

    names: the stages that are asked for; verb: the command that makes them.
    """
    from pipeline.errors import did_you_mean
    from pipeline.plan import packages, tree
    from pipeline.plan import plan as plans
    from pipeline.store import memory
    from pipeline.store.workspace import MAIN, RUNS

    yield tree.totals(plan.stages, plan.work)
    yield from plans.remarks(plan.stages, plan.random, missing := plans.absent(graph, plan.stages))
    if missing:
        yield f"`{fetching(graph, missing)}` fetches them without a run"
    yield from packages.remarks(graph, plan.stages, [one.stage for one in plan.stages])
    if plan.run.new:
        differs = f" ({'; '.join(plan.run.differs)})" if plan.run.differs else ""
        near = "" if plan.run.differs else did_you_mean(plan.run.name, [MAIN, *memory.names(work)])
        yield f"a run of its own, {plan.run.name}{differs}{near}: what was trained before stays"
    elif plan.run.name != MAIN:
        yield f"run {plan.run.name}: {work / RUNS / plan.run.name}"
    if plan.losses:
        yield f"`{verb}` asks first: it would replace {', '.join(loss.stage for loss in plan.losses)}"
    if idle := [name for name in graph.stages if name not in graph.needed(names)]:
        yield f"not needed by {', '.join(names)}: {', '.join(idle)}"


def fetching(graph: Graph, missing: dict[str, str]) -> str:
    """The command that fetches these weights, {stage: names} as `absent` gives them."""
    from pipeline.graph.stages_file import is_shipped

    names = dict.fromkeys(name for some in missing.values() for name in some.split(", "))
    stages = () if is_shipped(graph.path) else ("--stages", graph.path)
    return command("weights", "get", *names, *stages)


def _of_grid(roles: dict[str, str], seeds: tuple[int, ...]) -> list[str]:
    """The options of a grid as they can be typed again."""
    words = [word for role, feature in roles.items() for word in ("--role", f"{role}={feature}")]
    return [*words, "--seeds", ",".join(map(str, seeds))] if seeds else words


@click.command(name="accept")
@workspace_options
@GRID
@ROLES
@SEEDS
@json_option(
    "kept (units of each stage), code (what made them), left (stages that are still to be made, and why), remade"
)
@click.argument("stages_", nargs=-1, required=True, metavar="STAGE...", shell_complete=complete.STAGES)
def accept_command(
    stages_: tuple[str, ...],
    grid: str,
    roles: dict[str, str],
    seeds: tuple[int, ...],
    as_json: bool,
    shared: Shared,
) -> None:
    """Keep results of these STAGEs that are stale only because laff's code has changed.

    After an upgrade `laff plan` names the files that changed. If you know that they do not matter to your results,
    this command keeps them instead of making them again, together with everything that follows from them alone. The
    stage's index notes the old and the new digest of the code, and from then on metrics and report say what earlier
    code made. Once nothing else is left to make, it writes the two anew with that note, which takes seconds. Only
    changes of code can be accepted: changed params, weights, videos or captions are refused.

    \b
    laff accept decode x3d -c collection.yaml -w WORK
    laff accept compare/blocks/train -c collection.yaml -w WORK --grid blocks
    """
    from pipeline.run import accept
    from pipeline.run import run as run_stages
    from pipeline.views.figure_table import FigureTable
    from pipeline.views.printed import columns

    request = request_of(shared, grid, roles, seeds)
    accepted, to_report = accept(request, stages_)
    if as_json:
        print_json({"kept": accepted.units, "code": accepted.modules, "left": accepted.left, "remade": to_report})
        if to_report:
            run_stages(request, to_report)
        return
    if rows := _accepted(accepted, to_report):
        click.echo(columns(FigureTable(["stage", "kept", "because"], rows), paper()))
    if to_report:
        click.echo(run_stages(request, to_report).summary(request.work, paper()))
    elif grid:
        click.echo("`laff compare` writes the table anew, with this note")
    else:
        click.echo("metrics and report say so when `laff run` makes them again")


def _accepted(accepted: Accepted, now: list[str]) -> list[list[str]]:
    """The rows of the table of what was kept, and of what is to be made; now: the stages that this command makes."""
    from pipeline.parts.code import source_name

    rows = []
    for stage, units in accepted.units.items():
        modules = accepted.modules[stage]
        code = f"by earlier code of {', '.join(map(source_name, modules))}" if modules else "from what was accepted"
        rows.append([stage, f"{units:,}", f"made {code}"])
    for stage, reason in accepted.left.items():
        rows.append([stage, "-", f"is {'made now' if stage in now else 'still to be made'}: {reason}"])
    return rows
