"""Run what is not cached, in the graph's order, and say what came of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import progress
from pipeline.build.construct import construct
from pipeline.errors import LaffError, Missing, problems
from pipeline.graph import stages
from pipeline.graph.graph import Graph
from pipeline.graph.stages_file import StagesFile
from pipeline.items import collection
from pipeline.items.collection import Collection
from pipeline.outcome import Outcome
from pipeline.plan import accept as accepting
from pipeline.plan import steps
from pipeline.plan.accept import Accepted
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.plan.record import write_ledger
from pipeline.steps import ingest
from pipeline.store import ledger
from pipeline.store.workspace import Workspace
from pipeline.weights import lookup
from pipeline.workers.cluster import Cluster
from pipeline.workers.tasks import Serial, Tasks


@dataclass
class Request:
    """What the options of a command say."""

    collection: Path
    work: Path
    stages: Path | StagesFile | None = None
    profile: str | None = None
    sets: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()
    workers: int = 0  # dask worker processes on this machine; 0: no dask scheduler, shards are done here
    scheduler: str = ""  # address of a dask scheduler whose workers do the shards

    def graph(self) -> Graph:
        """The graph with profile and settings applied."""
        return stages.load(self.stages, self.profile, self.sets, self.trust)


def open_context(request: Request, retry: bool = False) -> Context:
    """Read and check everything; the surroundings of a run. Writes nothing."""
    found = collection.load(request.collection)
    return surroundings(request, request.graph(), found, Workspace(request.work), retry)


def surroundings(request: Request, graph: Graph, found: Collection, work: Workspace, retry: bool) -> Context:
    """The surroundings of a run over a collection that was read; its table is as an ingest would leave it."""
    catalog, changes = ingest.look(found, work, ingest.Options(**graph.of_step("ingest").options))
    context = Context(graph, catalog, work, found.has_videos, request.collection, retry, found.name)
    context.collection, context.changes = found, changes
    return context


def plan(request: Request, targets: Sequence[str], retry: bool = False) -> tuple[list[Planned], list[str]]:
    """The state of every stage that the targets need, and which of them have random weights."""
    context = open_context(request, retry)
    names = context.graph.needed(targets)
    check_names(context, names)
    return [stage_plan(context, name) for name in names], random_stages(context, names)


def random_stages(context: Context, names: Sequence[str]) -> list[str]:
    """Stages among `names` that compute with random weights."""
    return [name for name in names if context.stage(name).random]


def check_names(context: Context, names: Sequence[str]) -> None:
    """LaffError with all that is wrong with weights and the values of params, before anything runs."""
    found = [wrong for name in names if (wrong := lookup.check(context.stage(name), context.graph))]
    found += [wrong for name in names if (wrong := steps.refused(context.stage(name)))]
    if found:
        raise problems(str(context.graph.path), found)


def _check_work(context: Context, names: Sequence[str]) -> list[str]:
    """The stages that are about to run; LaffError with all that stands in their way: parts, devices, weight files."""
    stale = [name for name in names if stage_plan(context, name).todo]
    wrong = steps.problems(context, stale)
    for name in stale:
        stage = context.stage(name)
        if stage.part and not stage.borrowed:
            try:
                lookup.get(stage, context.graph, context.work)
            except LaffError as error:
                wrong.append(str(error))
    context.recipes.forget()  # a file without a published sha256 has one now that it is here
    if wrong:
        raise problems(str(context.graph.path), wrong)
    return stale


def _check_fit(context: Context, names: Sequence[str]) -> None:
    """LaffError where the weights of a stage that is about to run are not its part's: told before hours of decoding."""
    wrong = []
    for name in names:
        stage = context.stage(name)
        if stage.borrowed or (path := lookup.get(stage, context.graph, context.work)) is None:
            continue
        progress.say(f"{name}: looking whether {path.name} fits")
        try:
            construct(stage, context).load("cpu", path)
        except ValueError as error:
            wrong.append(f"'{name}': {error} (`laff weights check {path}` tells what it is and how to use it)")
    if wrong:
        raise problems("weights", wrong)


def targets_of(graph: Graph, names: Sequence[str]) -> list[str]:
    """What to run: the stages named, else those that a step makes the default, else every stage that nothing reads."""
    if names:
        return list(names)
    ends = [stage.name for stage in graph.stages.values() if stage.about.default]
    read = {source for stage in graph.stages.values() for source in stage.sources}
    return ends or [name for name in graph.stages if name not in read]


def run(request: Request, targets: Sequence[str], retry: bool = False, outcome: Outcome | None = None) -> Outcome:
    """Make everything that the targets need and that is not cached; `outcome` is what a run before this one did."""
    outcome = Outcome() if outcome is None else outcome
    work = Workspace(request.work)
    graph = request.graph()
    names = graph.needed(targets_of(graph, targets))
    found = collection.load(request.collection)  # mistakes are told before the workspace is touched
    with work.lock():
        context = surroundings(request, graph, found, work, retry)
        context.tasks = _tasks(request, context)
        outcome.random, outcome.stages = random_stages(context, names), names
        check_names(context, names)
        _check_fit(context, _check_work(context, names))
        try:
            table, *others = phases(context, names)
            _run_phase(context, table, outcome)
            write_ledger(context)  # of what is finished already, should the file be gone or behind
            for phase in others:
                _run_phase(context, phase, outcome)
            write_ledger(context)
        finally:
            context.tasks.close()
    outcome.failures = [line for line in ledger.read(work.ledger) if line["stage"] in names]
    return outcome


def accept(request: Request, names: Sequence[str]) -> tuple[Accepted, list[str]]:
    """Let stand what earlier code has made of these stages.

    Returns what came of it, and the stages that are to be made again, in seconds, to tell of it; none where something
    else would have to be made first. LaffError where anything but code has changed.
    """
    work = Workspace(request.work)
    if not request.work.is_dir():
        raise LaffError(f"{request.work}: no such workspace")
    found = collection.load(request.collection)
    with work.lock():
        context = surroundings(request, request.graph(), found, work, retry=False)
        check_names(context, list(context.graph.stages))
        accepted = accepting.accept(context, names)
        todo = {name for name in context.graph.stages if stage_plan(context, name).todo}
    telling = [stage.name for stage in context.graph.stages.values() if stage.about.tells and stage.name in todo]
    return accepted, [name for name in telling if todo.intersection(context.graph.needed([name])) <= set(telling)]


def _tasks(request: Request, context: Context) -> Tasks:
    """Who does the shards: this process, workers on this machine, or those of a scheduler."""
    if not request.workers and not request.scheduler:
        return Serial()
    seen = [context.work.root, request.collection, *map(Path, context.catalog.paths[:1] if context.has_videos else [])]
    return Cluster(request.workers, request.scheduler, seen)


def phases(context: Context, names: Sequence[str]) -> list[list[str]]:
    """The stages in running order; those that can share one pass over the videos stand together.

    They wait for each other: whatever else is ready runs first, so that clip-ft, which needs finetune, joins the pass.
    The table comes first: all others work on what it lists.
    """
    table = context.graph.of_step("ingest").name
    left, done, found = [name for name in names if name != table], {table}, [[table]]
    while left:
        ready = [
            name for name in left if all(source in done or source not in left for source in context.graph.reads(name))
        ]
        alone = [name for name in ready if not _shares(context, name)]
        phase = alone[:1] or [name for name in ready if context.stage(name).about == context.stage(ready[0]).about]
        found.append(phase)
        done.update(phase)
        left = [name for name in left if name not in phase]
    return found


def _shares(context: Context, name: str) -> bool:
    stage = context.stage(name)
    return bool(stage.about.together) and stage.about.together in stage.sides


def _run_phase(context: Context, phase: Sequence[str], outcome: Outcome) -> None:
    plans = [planned for name in phase if (planned := stage_plan(context, name)).todo]
    if not plans:
        return
    for planned in plans:
        mark = " with RANDOM WEIGHTS" if context.stage(planned.stage).random else ""
        progress.say(f"{planned.stage}: {len(planned.todo)} to make{mark} ({'; '.join(planned.reasons)})")
    start = time.perf_counter()
    try:
        step = steps.module(context.stage(plans[0].stage))
        if together := getattr(step, "run_together", None):
            together(context, plans)
        else:
            step.run(context, plans[0])
    except ModuleNotFoundError as error:
        raise Missing(error.name or str(error), " + ".join(planned.stage for planned in plans)) from error
    finally:
        seconds = time.perf_counter() - start
        for planned in plans:
            outcome.made[planned.stage] = len(planned.todo) - len(planned.unfinished)
            outcome.seconds[planned.stage] = seconds if len(plans) == 1 else context.spent.get(planned.stage, 0.0)
