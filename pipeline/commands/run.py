"""`laff run`, `laff plan` and `laff demo`: the stages made, or only looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pipeline.commands.compare import GRID, ROLES, SEEDS, looked_at
from pipeline.commands.options import PATH, agreeing, doing, request, where
from pipeline.commands.terminal import called

DEMO = Path("demo")


def execute(options: dict[str, Any], targets: tuple[str, ...], retry: bool, max_failures: int) -> None:
    """Run, print what came of it, and exit with an error if too many videos failed."""
    from pipeline.run import run as run_stages

    wanted = request(options)
    outcome = agreeing(wanted, lambda agreed: run_stages(agreed, targets, retry))
    click.echo(outcome.summary(wanted.work))
    if 0 <= max_failures < outcome.lost:
        raise click.ClickException(
            f"{outcome.lost} videos failed, more than --max-failures {max_failures}; "
            f"see `laff failures -w {wanted.work}`"
        )


@click.command(name="run")
@doing
@click.argument("targets", nargs=-1, metavar="[STAGE]...")
def run_command(targets: tuple[str, ...], retry_failed: bool, max_failures: int, **options: Any) -> None:
    """Run all stages that are not cached, or only what the named STAGEs need.

    The workspace remembers what it was given: without -c, collection, stages file, profile and --set are those of the
    last run, and what is given goes on top. With -c the command line says everything. Before finished features or
    fine-tunings are replaced, because settings or code differ, it asks. Trainings keep a place each: other settings
    of train, rank or evaluate make a run of their own, which --name names and `laff runs` lists.

    \b
    laff run -c collection.yaml -w WORK --profile small
    laff run -w WORK                                       again, after a crash or with new videos
    laff run -w WORK --set train.seeds=[1,2,3]             more seeds of the same
    laff run -w WORK --set train.heads=4 --name heads4     trains again on the same features, beside the first
    """
    execute(options, targets, retry_failed, max_failures)


@click.command(name="plan")
@where
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="For programs: stage, shards, cached, stale, missing, reasons, code of each.",
)
@click.option("--retry-failed", is_flag=True, help="As `run --retry-failed` would see it.")
@GRID
@ROLES
@SEEDS
@click.argument("targets", nargs=-1, metavar="[STAGE]...")
def plan_command(
    targets: tuple[str, ...],
    as_json: bool,
    retry_failed: bool,
    grid: str,
    roles: dict[str, str],
    seeds: tuple[int, ...],
    **options: Any,
) -> None:
    """Show what is cached, stale or missing, and why; runs nothing and reads no video.

    \b
    laff plan -c collection.yaml -w WORK --profile small
    laff plan -c collection.yaml -w WORK --grid blocks              of what `laff compare blocks` makes
    """
    from pipeline.plan import plan as plans
    from pipeline.run_plan import plan as make_plan
    from pipeline.run_plan import targets_of
    from pipeline.store.workspace import MAIN, RUNS

    wanted = looked_at(options, grid, roles, seeds)
    graph = wanted.graph()
    names = targets_of(graph, targets or ((graph.of_step("rank").name,) if grid else ()))
    made = make_plan(wanted, names, retry_failed)
    if as_json:
        click.echo(json.dumps([planned.summary() for planned in made.stages], indent=1, ensure_ascii=False))
        return
    click.echo(plans.table(made.stages, made.random, plans.absent(graph, made.stages)))
    if made.run.new:
        click.echo(f"a run of its own, {made.run.name} ({'; '.join(made.run.differs)}): what was trained before stays")
    elif made.run.name != MAIN:
        click.echo(f"run {made.run.name}: {wanted.work / RUNS / made.run.name}")
    if made.losses:
        click.echo(f"`laff run` asks first: it would replace {', '.join(loss.stage for loss in made.losses)}")
    idle = [name for name in graph.stages if name not in graph.needed(names)]
    if idle:
        click.echo(f"not needed by {', '.join(names)}: {', '.join(idle)}")


@click.command(name="accept")
@where
@GRID
@ROLES
@SEEDS
@click.argument("stages_", nargs=-1, required=True, metavar="STAGE...")
def accept_command(
    stages_: tuple[str, ...], grid: str, roles: dict[str, str], seeds: tuple[int, ...], **options: Any
) -> None:
    """Let results of these STAGEs stand that are stale only because laff's code has changed.

    After an upgrade `laff plan` names the files that changed. Where you know that they do not matter to what you have
    made, its units are kept instead of made again, and so is what follows from them alone. The old and the new digest
    of the code are noted in the stage's index, and metrics and report say from then on what was made by earlier code.
    Nothing else than code can be accepted: changed params, weights, videos or captions are refused.

    \b
    laff accept decode x3d -c collection.yaml -w WORK
    laff accept compare/blocks/train -c collection.yaml -w WORK --grid blocks
    """
    from pipeline.parts.code import source_name
    from pipeline.run import accept
    from pipeline.run import run as run_stages

    wanted = looked_at(options, grid, roles, seeds)
    accepted, telling = accept(wanted, stages_)
    for stage, units in accepted.units.items():
        modules = accepted.modules[stage]
        code = f"by earlier code of {', '.join(map(source_name, modules))}" if modules else "from what was accepted"
        click.echo(f"{stage:12} {units:5} kept, made {code}")
    for stage, why in accepted.left.items():
        click.echo(f"{stage:12} is still to be made: {why}")
    if telling:
        click.echo(run_stages(wanted, telling).summary(wanted.work))
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
    wanted = Request(collection, folder / "work", shipped(), "small", ("train.seeds=[1,2,3]",), replace=True)
    outcome = run_stages(wanted, ())
    click.echo(outcome.summary(wanted.work))
    click.echo(f'try: {called()} search "a red circle moves up" -w {wanted.work}')
