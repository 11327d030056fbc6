"""`laff run`, `plan`, `accept` and `demo`: make stages, or show what a run would make."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pipeline.commands.compare import GRID, ROLES, SEEDS, request_of
from pipeline.commands.options import PATH, run_options, workspace_options
from pipeline.commands.shared import Shared, confirmed
from pipeline.shell import called

DEMO = Path("demo")


def execute(shared: Shared, targets: tuple[str, ...]) -> None:
    """Run stages, print a summary, and exit with an error if too many videos failed."""
    from pipeline.run import run as run_stages

    request = shared.request()
    outcome = confirmed(request, lambda agreed: run_stages(agreed, targets, shared.retry_failed))
    click.echo(outcome.summary(request.work))
    shared.check_failures(outcome.lost, f"; see `laff failures -w {request.work}`")


@click.command(name="run")
@run_options
@click.argument("targets", nargs=-1, metavar="[STAGE]...")
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


@click.command(name="plan")
@workspace_options
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="For programs: stage, shards, cached, stale, missing, reasons, code of each.",
)
@click.option("--retry-failed", is_flag=True, help="Plan as `run --retry-failed` would.")
@GRID
@ROLES
@SEEDS
@click.argument("targets", nargs=-1, metavar="[STAGE]...")
def plan_command(
    targets: tuple[str, ...],
    as_json: bool,
    grid: str,
    roles: dict[str, str],
    seeds: tuple[int, ...],
    shared: Shared,
) -> None:
    """Show what is cached, stale or missing, and why; this runs nothing and reads no video.

    \b
    laff plan -c collection.yaml -w WORK --profile small
    laff plan -c collection.yaml -w WORK --grid blocks              of what `laff compare blocks` makes
    """
    from pipeline.graph import kept
    from pipeline.plan import plan as plans
    from pipeline.run_plan import plan as make_plan
    from pipeline.run_plan import targets_of
    from pipeline.store import home
    from pipeline.store.workspace import MAIN, RUNS

    request = request_of(shared, grid, roles, seeds)
    graph = request.graph()
    default = (graph.of_step("rank").name,) if grid else ()
    if not grid and (vectors := kept.stage_of(graph)) and home.is_index(request.collection, request.work):
        default = (vectors.name,)  # what `laff index` makes
    names = targets_of(graph, targets or default)
    plan = make_plan(request, names, shared.retry_failed)
    if as_json:
        click.echo(json.dumps([stage.summary() for stage in plan.stages], indent=1, ensure_ascii=False))
        return
    click.echo(plans.table(plan.stages, plan.random, plans.absent(graph, plan.stages)))
    if plan.run.new:
        click.echo(f"a run of its own, {plan.run.name} ({'; '.join(plan.run.differs)}): what was trained before stays")
    elif plan.run.name != MAIN:
        click.echo(f"run {plan.run.name}: {request.work / RUNS / plan.run.name}")
    if plan.losses:
        click.echo(f"`laff run` asks first: it would replace {', '.join(loss.stage for loss in plan.losses)}")
    idle = [name for name in graph.stages if name not in graph.needed(names)]
    if idle:
        click.echo(f"not needed by {', '.join(names)}: {', '.join(idle)}")


@click.command(name="accept")
@workspace_options
@GRID
@ROLES
@SEEDS
@click.argument("stages_", nargs=-1, required=True, metavar="STAGE...")
def accept_command(
    stages_: tuple[str, ...], grid: str, roles: dict[str, str], seeds: tuple[int, ...], shared: Shared
) -> None:
    """Keep results of these STAGEs that are stale only because laff's code has changed.

    After an upgrade `laff plan` names the files that changed. If you know that they do not matter to your results,
    this command keeps them instead of making them again, together with everything that follows from them alone. The
    stage's index notes the old and the new digest of the code, and from then on metrics and report say what earlier
    code plan. Only changes of code can be accepted: changed params, weights, videos or captions are refused.

    \b
    laff accept decode x3d -c collection.yaml -w WORK
    laff accept compare/blocks/train -c collection.yaml -w WORK --grid blocks
    """
    from pipeline.parts.code import source_name
    from pipeline.run import accept
    from pipeline.run import run as run_stages

    request = request_of(shared, grid, roles, seeds)
    accepted, to_report = accept(request, stages_)
    for stage, units in accepted.units.items():
        modules = accepted.modules[stage]
        code = f"by earlier code of {', '.join(map(source_name, modules))}" if modules else "from what was accepted"
        click.echo(f"{stage:12} {units:5} kept, made {code}")
    for stage, reason in accepted.left.items():
        click.echo(f"{stage:12} is still to be made: {reason}")
    if to_report:
        click.echo(run_stages(request, to_report).summary(request.work))
    elif grid:
        click.echo("`laff compare` writes the table anew, with this note")
    else:
        click.echo("metrics and report say so when `laff run` makes them again")


@click.command(name="demo")
@click.option(
    "--folder",
    type=PATH,
    default=DEMO,
    show_default=True,
    help="Where to put videos and results.",
)
def demo_command(folder: Path) -> None:
    """Make a small collection of videos, then run everything on it with profile small."""
    from pipeline.demo import make_collection
    from pipeline.graph.stages_file import shipped
    from pipeline.request import Request
    from pipeline.run import run as run_stages

    collection = make_collection(folder / "collection")
    request = Request(collection, folder / "work", shipped(), "small", ("train.seeds=[1,2,3]",), replace=True)
    outcome = run_stages(request, ())
    click.echo(outcome.summary(request.work))
    click.echo(f'try: {called()} search "a red circle moves up" -w {request.work}')
