"""Runs the stages that are not cached, in the graph's order; and accepts results of earlier code."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from pipeline import progress
from pipeline.assembly import packed
from pipeline.errors import Missing, absent
from pipeline.items.collection import load as load_collection
from pipeline.items.examples import examples
from pipeline.opening import check_place, choose, surroundings
from pipeline.outcome import ENDS, Outcome, search_advice
from pipeline.parts.blame import blaming
from pipeline.phases import phases, videos_in
from pipeline.plan import accept as accepting
from pipeline.plan import lacks, repeating, steps
from pipeline.plan.accept import Accepted
from pipeline.plan.context import Context
from pipeline.plan.record import record, write_ledger
from pipeline.plan.run_settings import members
from pipeline.plan.up_to_date import not_up_to_date
from pipeline.readiness import check_fit, check_work
from pipeline.request import Request
from pipeline.run_plan import check_losses, check_names, random_stages, wanted
from pipeline.shell import command
from pipeline.store import circumstances, home, ledger, memory
from pipeline.store.workspace import Workspace
from pipeline.workers.cluster import Cluster
from pipeline.workers.tasks import Made, Serial, Tasks


def run(
    request: Request,
    targets: Sequence[str],
    retry: bool = False,
    outcome: Outcome | None = None,
    before: Callable[[Context, Sequence[str]], None] | None = None,
) -> Outcome:
    """Make everything that the targets need and that is not cached; outcome: of a run before this one, to be continued.

    before(context, stages) is called before each group of stages, cached or not, when all that they read is made.
    """
    start = time.perf_counter()
    outcome = Outcome() if outcome is None else outcome
    work = Workspace(request.work)
    graph = request.graph()
    graph.needed(targets)  # raises LaffError for unknown stages
    collection = load_collection(request.collection)  # mistakes are reported before the workspace is touched
    check_place(collection, request.work)
    with work.lock():
        context = surroundings(request, graph, collection, work, retry)
        context.tasks = _tasks(request, context)
        names = wanted(context, targets)
        outcome.videos = sum(map(len, collection.ids.values()))
        outcome.random, outcome.stages = random_stages(context, names), names
        outcome.ends = {step: stage.name for step in ENDS for stage in graph.stages_of(step)}
        if request.is_run:
            trusting = [word for package in request.trust for word in ("--trust", package)]
            sentence = [*examples(context.catalog, 1), "a sentence"][0]
            outcome.advice = search_advice(graph, request.work, names, sentence)
            outcome.advice = outcome.advice or f"next: {command('plan', '-w', request.work, *trusting)}"
            outcome.retry = command("run", *targets, "-w", request.work, *trusting, "--retry-failed")
        check_names(context, names)
        lacks.check(context, names)
        chosen = choose(context, request)
        outcome.places = context.work.places
        replacing = check_losses(context, names, request)
        trains = not set(members(context.graph)).isdisjoint(names)
        if chosen.new and trains:
            how = f" ({'; '.join(chosen.differs)})" if chosen.differs else ""
            progress.say(f"these settings make a run of their own, {chosen.name}{how}; what was trained before stays")
        states = check_work(context, names)
        stale = [state.stage for state in states]
        check_fit(context, stale)
        packed.check(context, stale)
        if request.is_run:
            request.remember(context.graph, chosen, replacing, trains)
        elif request.replace:
            memory.settle(request.work, replacing)  # what is made now is wanted now, whatever was agreed to before
        context.progress = progress.Stages(names, {state.stage: len(state.todo) for state in states})
        try:
            noted = _noted(request, context, chosen.name, targets, stale)
            with noted, progress.running(context.progress):
                table, *others = phases(context, names)
                _run_phase(context, table, outcome)
                outcome.videos = len(context.catalog.videos)  # windows of them, if they were divided
                write_ledger(context)  # of what is finished already, should the file be gone or behind
                for phase in others:
                    if before:
                        before(context, phase)
                    _run_phase(context, phase, outcome)
                write_ledger(context)
                memory.settle(request.work, names)
        except KeyboardInterrupt:
            progress.say(context.progress.told())
            raise
        finally:
            context.tasks.close()
        outcome.failures = [line for line in ledger.read(work.ledger) if line["stage"] in names]
        outcome.notes = [line for line in ledger.notes(work.ledger) if line["stage"] in names]
        _count_cached(context, names, outcome)
        outcome.elapsed += time.perf_counter() - start
        progress.LOG.info(f"done\n{outcome.summary(request.work)}")
    return outcome


def _count_cached(context: Context, names: Sequence[str], outcome: Outcome) -> None:
    """Note in an outcome how much of these stages was there before, and how long that took when it was made."""
    outcome.saved = 0.0
    for name in names:
        units, index = list(steps.units(context, name)), context.work.index(name)
        made = outcome.keys.setdefault(name, set())
        made.update(context.progress.rows[name].made)
        kept = [index.entries[unit.key] for unit in units if unit.key not in made and unit.key in index.entries]
        outcome.cached[name] = len(kept)
        outcome.saved += sum(entry.took for entry in kept)


def _noted(
    request: Request, context: Context, run: str, targets: Sequence[str], stale: Sequence[str]
) -> AbstractContextManager[None]:
    """Inside it the stages of a run are made, and its circumstances noted, where one of them belongs to the run."""
    makes_results = request.is_run and not set(members(context.graph)).isdisjoint(stale)
    if not makes_results or not (known := memory.read(request.work, run)):
        return nullcontext()
    again = repeating.command(request.work, known, targets, request.trust, request.workers, request.scheduler)
    return circumstances.noted(request.work, run, again, stale)


def accept(request: Request, names: Sequence[str]) -> tuple[Accepted, list[str]]:
    """Accept the results of earlier code for these stages.

    Returns the outcome, and the stages to run again so that their results tell of it (it takes seconds); none where
    others would have to run first. Raises LaffError where anything but code has changed.
    """
    work = Workspace(request.work)
    home.check(request.work)
    collection = load_collection(request.collection)
    check_place(collection, request.work)
    with work.lock():
        context = surroundings(request, request.graph(), collection, work, retry=False)
        check_names(context, list(context.graph.stages))
        choose(context, request)
        accepted = accepting.accept(context, names)
        todo = {state.stage for state in not_up_to_date(context, context.graph.stages)}
    telling = [stage.name for stage in context.graph.stages.values() if stage.about.tells and stage.name in todo]
    return accepted, [name for name in telling if todo.intersection(context.graph.needed([name])) <= set(telling)]


def _tasks(request: Request, context: Context) -> Tasks:
    """What does the work of shards: this process, workers on this machine, or those of a scheduler."""
    if not request.workers and not request.scheduler:
        return Serial()
    video = next((path for path in context.catalog.paths if path and Path(path).exists()), None)  # some may be missing
    seen = [context.work.root, request.collection, *([Path(video)] if video else [])]
    return Cluster(request.workers, request.scheduler, seen)


def _run_phase(context: Context, phase: Sequence[str], outcome: Outcome) -> None:
    plans = not_up_to_date(context, phase)
    for name in set(phase).difference(planned.stage for planned in plans):
        context.progress.skip(name)
    for planned in [planned for planned in plans if context.stage(planned.stage).idle]:
        progress.say(f"{planned.stage}: it is told to train no model, so there is nothing to do")
        context.progress.begin(planned.stage, len(planned.todo), planned.why)
        record(context, planned, Made(planned.stage, planned.todo[0].key, 0, 0.0))
        context.progress.end(planned.stage, [planned.todo[0].key], 0.0)
        plans.remove(planned)
    if not plans:
        return
    for planned in plans:
        mark = " with RANDOM WEIGHTS" if context.stage(planned.stage).random else ""
        progress.note(f"{planned.stage}: {len(planned.todo)} to make{mark} ({planned.why})")
        context.progress.begin(planned.stage, len(planned.todo), planned.why)
    start = time.perf_counter()
    try:
        step = steps.module(context.stage(plans[0].stage))
        values = {f"{p.stage}.{name}": value for p in plans for name, value in context.stage(p.stage).values.items()}
        with blaming(f"in stage {' + '.join(repr(planned.stage) for planned in plans)}", values):
            if together := getattr(step, "run_together", None):
                together(context, plans)
            else:
                step.run(context, plans[0])
    except ModuleNotFoundError as error:
        if not absent(error):
            raise
        raise Missing(error.name or str(error), *(planned.stage for planned in plans)) from error
    finally:
        seconds = time.perf_counter() - start
        for planned in plans:
            outcome.made[planned.stage] = len(planned.todo) - len(planned.unfinished)
            outcome.videos_made[planned.stage] = videos_in(context, planned)
            outcome.seconds[planned.stage] = seconds if len(plans) == 1 else context.spent.get(planned.stage, 0.0)
            made = [unit.key for unit in planned.todo if unit.key not in planned.unfinished]
            context.progress.end(planned.stage, made, outcome.seconds[planned.stage])
            progress.note(f"{planned.stage}: {outcome.made[planned.stage]} made in {seconds:.1f} s")
