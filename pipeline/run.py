"""Run what is not cached, in the graph's order, and say what came of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import progress
from pipeline.build import construct, preflight
from pipeline.errors import LaffError, problems
from pipeline.graph import stages
from pipeline.graph.graph import Graph
from pipeline.items import collection
from pipeline.items.collection import Collection
from pipeline.outcome import Outcome
from pipeline.plan.context import Context
from pipeline.plan.plan import Planned, stage_plan
from pipeline.plan.record import log_time, write_ledger
from pipeline.plan.units import Unit
from pipeline.steps import ingest
from pipeline.store import ledger
from pipeline.store.workspace import Workspace
from pipeline.weights import lookup
from pipeline.workers.cluster import Cluster
from pipeline.workers.tasks import Made, Serial, Tasks


@dataclass
class Request:
    """What the options of a command say."""

    collection: Path
    work: Path
    stages: Path | None = None
    profile: str | None = None
    sets: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()
    workers: int = 0  # dask worker processes on this machine; 0: no dask scheduler, shards are done here
    scheduler: str = ""  # address of a dask scheduler whose workers do the shards

    def graph(self) -> Graph:
        """The graph with profile and settings applied."""
        return stages.load(self.stages, self.profile, self.sets, self.trust)


def open_context(request: Request, retry: bool = False) -> tuple[Context, Planned]:
    """Read and check everything; returns the surroundings and the state of ingest. Writes nothing."""
    return look(request, request.graph(), collection.load(request.collection), retry)


def look(request: Request, graph: Graph, found: Collection, retry: bool) -> tuple[Context, Planned]:
    """The surroundings of a run over a collection that was read, and the state of ingest."""
    work = Workspace(request.work)
    options = ingest.Options(**graph.of_step("ingest").options)
    catalog, changes, new = ingest.look(found, work, options)
    planned = Planned(graph.of_step("ingest").name)
    context = Context(graph, catalog, work, found.has_videos, request.collection, retry, found.name)
    if new:
        planned.missing, planned.reasons = [_table_unit(context)], ["not made yet"]
    elif changes:
        planned.stale, planned.reasons = [_table_unit(context)], changes
    else:
        planned.cached = [_table_unit(context)]
    return context, planned


def _table_unit(context: Context) -> Unit:
    name = context.graph.of_step("ingest").name
    return Unit("table", "", context.fingerprint(name), context.recipe(name))


def plan(request: Request, targets: Sequence[str], retry: bool = False) -> tuple[list[Planned], list[str]]:
    """The state of every stage that the targets need, and which of them have random weights."""
    context, first = open_context(request, retry)
    names = context.graph.needed(targets)
    check_names(context, names)
    plans = [first if context.stage(name).step == "ingest" else stage_plan(context, name) for name in names]
    return plans, random_stages(context, names)


def random_stages(context: Context, names: Sequence[str]) -> list[str]:
    """Stages among `names` that compute with random weights."""
    return [name for name in names if context.stage(name).random]


def check_names(context: Context, names: Sequence[str]) -> None:
    """LaffError with all that is wrong with weights, before anything runs."""
    found = [wrong for name in names if (wrong := lookup.check(context.stage(name), context.graph))]
    found += [wrong for name in names if (wrong := preflight.option_problem(context.stage(name)))]
    if found:
        raise problems(str(context.graph.path), found)


def _check_work(context: Context, names: Sequence[str]) -> list[str]:
    """The stages that are about to run; LaffError with all that stands in their way: parts, devices, weight files."""
    stale = [name for name in names if context.stage(name).step != "ingest" and stage_plan(context, name).todo]
    wrong = preflight.problems(context.graph, stale, context.tasks.remote, context)
    for name in stale:
        stage = context.stage(name)
        if stage.part and not stage.borrowed:
            try:
                lookup.get(stage, context.graph, context.work)
            except LaffError as error:
                wrong.append(str(error))
    context.forget_recipes()  # a file without a published sha256 has one now that it is here
    if wrong:
        raise problems(str(context.graph.path), wrong)
    return stale


def _check_fit(context: Context, names: Sequence[str]) -> None:
    """LaffError where the weights of a stage that is about to run are not its part's: told before hours of decoding."""
    wrong = []
    for name in names:
        stage = context.stage(name)
        if stage.step not in ("extract", "finetune") or stage.borrowed:
            continue
        path = lookup.get(stage, context.graph, context.work)
        if path is None:
            continue
        progress.say(f"{name}: looking whether {path.name} fits")
        try:
            construct.construct(stage, context).load("cpu", path)
        except ValueError as error:
            wrong.append(f"'{name}': {error} (`laff weights check {path}` tells what it is and how to use it)")
    if wrong:
        raise problems("weights", wrong)


def targets_of(graph: Graph, names: Sequence[str]) -> list[str]:
    """What to run: the stages named, else those of step report, else every stage that nothing reads."""
    if names:
        return list(names)
    reports = [stage.name for stage in graph.stages.values() if stage.step == "report"]
    read = {source for stage in graph.stages.values() for source in stage.sources}
    return reports or [name for name in graph.stages if name not in read]


def run(request: Request, targets: Sequence[str], retry: bool = False, outcome: Outcome | None = None) -> Outcome:
    """Make everything that the targets need and that is not cached; `outcome` is what a run before this one did."""
    outcome = Outcome() if outcome is None else outcome
    work = Workspace(request.work)
    graph = request.graph()
    names = graph.needed(targets_of(graph, targets))
    found = collection.load(request.collection)  # mistakes are told before the workspace is touched
    with work.lock():
        context, first = look(request, graph, found, retry)
        context.work = work  # the one that is locked
        context.tasks = _tasks(request, context)
        outcome.random, outcome.stages = random_stages(context, names), names
        check_names(context, names)
        _check_fit(context, _check_work(context, names))
        if first.todo:
            start = time.perf_counter()
            context.catalog = ingest.run(found, work, ingest.Options(**graph.of_step("ingest").options))
            outcome.made[first.stage] = 1
            outcome.seconds[first.stage] = time.perf_counter() - start
            items = len(context.catalog.videos)
            log_time(work.root, Made(first.stage, "table", items, outcome.seconds[first.stage]))
        try:
            write_ledger(context)  # of what is finished already, should the file be gone or behind
            for phase in phases(context, names):
                _run_phase(context, phase, outcome)
            write_ledger(context)
        finally:
            context.tasks.close()
    outcome.failures = [line for line in ledger.read(work.ledger) if line["stage"] in names]
    return outcome


def _tasks(request: Request, context: Context) -> Tasks:
    """Who does the shards: this process, workers on this machine, or those of a scheduler."""
    if not request.workers and not request.scheduler:
        return Serial()
    seen = [context.work.root, request.collection, *map(Path, context.catalog.paths[:1] if context.has_videos else [])]
    return Cluster(request.workers, request.scheduler, seen)


def phases(context: Context, names: Sequence[str]) -> list[list[str]]:
    """The stages in running order; visual extractors that can share one pass over the videos stand together.

    They wait for each other: whatever else is ready runs first, so that clip-ft, which needs finetune, joins the pass.
    """
    left = [name for name in names if context.stage(name).step != "ingest"]
    done = {name for name in names if context.stage(name).step == "ingest"}
    found = []
    while left:
        ready = [
            name for name in left if all(source in done or source not in left for source in context.graph.reads(name))
        ]
        alone = [name for name in ready if not _sweeps(context, name)]
        phase = alone[:1] or ready
        found.append(phase)
        done.update(phase)
        left = [name for name in left if name not in phase]
    return found


def _sweeps(context: Context, name: str) -> bool:
    stage = context.stage(name)
    return stage.step == "extract" and "video" in stage.sides


def _run_phase(context: Context, phase: Sequence[str], outcome: Outcome) -> None:
    plans = [planned for name in phase if (planned := stage_plan(context, name)).todo]
    if not plans:
        return
    for planned in plans:
        mark = " with RANDOM WEIGHTS" if context.stage(planned.stage).random else ""
        progress.say(f"{planned.stage}: {len(planned.todo)} to make{mark} ({'; '.join(planned.reasons)})")
    start = time.perf_counter()
    try:
        _step(context, plans)
    finally:
        seconds = time.perf_counter() - start
        for planned in plans:
            outcome.made[planned.stage] = len(planned.todo) - len(planned.unfinished)
            outcome.seconds[planned.stage] = seconds if len(plans) == 1 else context.spent.get(planned.stage, 0.0)


def _step(context: Context, plans: Sequence[Planned]) -> None:
    from pipeline.steps import decode, evaluate, extract, finetune, import_, rank, report, train

    verbs = {
        "decode": decode.run,
        "finetune": finetune.run,
        "import": import_.run,
        "train": train.run,
        "rank": rank.run,
        "evaluate": evaluate.run,
        "report": report.run,
    }
    step = context.stage(plans[0].stage).step
    if step == "extract":
        extract.run(context, plans)
    else:
        verbs[step](context, plans[0])
