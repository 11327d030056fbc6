"""Run what is not cached, in the graph's order, and say what came of it."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline import progress
from pipeline.build.construct import construct
from pipeline.errors import LaffError, Missing, absent, printable, problems
from pipeline.graph.graph import Graph
from pipeline.items import collection
from pipeline.items.collection import Collection
from pipeline.items.table import read as read_table
from pipeline.outcome import ENDS, Outcome, search_advice
from pipeline.parts.blame import blaming
from pipeline.plan import accept as accepting
from pipeline.plan import lacks, losses, packed, runs, steps
from pipeline.plan.accept import Accepted
from pipeline.plan.context import Context
from pipeline.plan.losses import Loss, WouldReplace
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.plan.record import record, write_ledger
from pipeline.plan.run_settings import members
from pipeline.plan.runs import Chosen
from pipeline.request import Request
from pipeline.steps import ingest
from pipeline.store import ledger, memory
from pipeline.store.workspace import MAIN, Workspace
from pipeline.weights import lookup
from pipeline.workers.cluster import Cluster
from pipeline.workers.tasks import Made, Serial, Tasks


class NoWeights(LaffError):
    """Weights that are not here and cannot be fetched."""


def open_context(request: Request, retry: bool = False) -> Context:
    """Read and check everything; the surroundings of a run. Writes nothing."""
    found = collection.load(request.collection)
    context = surroundings(request, request.graph(), found, Workspace(request.work), retry)
    choose(context, request)
    return context


def surroundings(request: Request, graph: Graph, found: Collection, work: Workspace, retry: bool) -> Context:
    """The surroundings of a run over a collection that was read; its table is as an ingest would leave it."""
    for note in found.notes:
        progress.say(printable(f"{found.name}: {note}"))
    _check_place(found, work.root)
    catalog, changes, dated = ingest.look(found, work, graph.of_step("ingest").options_as(ingest.Options))
    context = Context(graph, catalog, work, found.has_videos, request.collection, retry, found.name)
    context.collection, context.changes, context.dated = found, changes, dated
    packed.admit(context)
    return context


def _check_place(found: Collection, root: Path) -> None:
    """LaffError where the workspace is the very folder of the videos: stages' folders would stand among them."""
    folders = {os.path.dirname(file): file for file in found.files.values()}  # noqa: PTH120 - there may be many
    for folder, file in folders.items():
        if Path(folder).resolve() == root.resolve():
            raise LaffError(
                f"-w {root}: videos of the collection lie there, such as {Path(file).name}; name a folder of its own"
            )


def choose(context: Context, request: Request) -> Chosen:
    """The run that a request belongs to; its stages stand from then on where that one keeps them."""
    if request.own:
        return runs.choose(context, request.name, request.last)
    runs.beside(context, str(PurePosixPath(context.graph.of_step("rank").name).parent))
    return Chosen(MAIN)


@dataclass
class Plan:
    """What a run would do."""

    run: Chosen  # the run that the settings belong to
    stages: list[Planned]  # the state of every stage that the targets need
    random: list[str]  # which of them have random weights
    losses: list[Loss]  # what would be replaced, which a run asks about first


def plan(request: Request, targets: Sequence[str], retry: bool = False) -> Plan:
    """What a run of these targets would do. Writes nothing."""
    found = collection.load(request.collection)
    context = surroundings(request, request.graph(), found, Workspace(request.work), retry)
    names = wanted(context, targets)
    check_names(context, names)
    lacks.check(context, names)
    chosen = choose(context, request)
    lost = losses.losses(context, names, request.agreed())
    return Plan(chosen, [stage_plan(context, name) for name in names], random_stages(context, names), lost)


def random_stages(context: Context, names: Sequence[str]) -> list[str]:
    """Stages among `names` that compute with random weights."""
    return [name for name in names if context.stage(name).random]


def check_names(context: Context, names: Sequence[str]) -> None:
    """LaffError with all that is wrong with weights and the values of params, before anything runs."""
    found = [wrong for name in names if (wrong := lookup.check(context.stage(name), context.graph))]
    found += [wrong for name in names if (wrong := steps.refused(context.stage(name)))]
    if found:
        raise problems(str(context.graph.path), found)


def _check_losses(context: Context, names: Sequence[str], request: Request) -> dict[str, str]:
    """What may be replaced: stage -> fingerprint. WouldReplace where nobody has agreed to it."""
    agreed = {name: print_ for name, print_ in request.agreed().items() if name in context.graph.stages}
    lost = losses.losses(context, names, agreed)
    gone = _gone(context, request)
    if (lost or gone) and not request.replace:
        raise WouldReplace(lost, str(request.work), request.hint(), gone)
    kept = {name: print_ for name, print_ in agreed.items() if context.fingerprint(name) == print_}
    return kept | losses.fingerprints(lost, context)


def _gone(context: Context, request: Request) -> str:
    """What another collection than the last run's would take away, in words; '' where it has most of the videos."""
    last = memory.read(request.work)
    if last is None or not request.own or last.collection.resolve() == request.collection.resolve():
        return ""
    try:
        before = read_table(context.work.table)[0].videos
    except LaffError:  # damaged: it is made again from the shards
        return ""
    gone = set(before).difference(context.catalog.videos)
    if 2 * len(gone) <= len(before):
        return ""
    return (
        f"{len(gone)} of the {len(before)} videos are not in {request.collection}; the last run had {last.collection}"
    )


def _check_work(context: Context, names: Sequence[str]) -> list[str]:
    """The stages that are about to run; LaffError with all that stands in their way: parts, devices, weight files."""
    stale = [name for name in names if stage_plan(context, name).todo]
    wrong, absent = steps.problems(context, stale), []
    for name in stale:
        stage = context.stage(name)
        if stage.part and not stage.borrowed:
            for param in ("weights", *stage.further):
                try:
                    lookup.get(stage, context.graph, context.work, param)
                except LaffError as error:
                    absent.append(str(error))
    context.recipes.forget()  # a file without a published sha256 has one now that it is here
    errors = [problems(where, texts) for where, texts in ((context.graph.path, wrong), ("weights", absent)) if texts]
    if errors:
        raise (NoWeights if absent else LaffError)(
            "\n".join(map(str, errors)), [text for error in errors for text in error.problems]
        )
    return stale


def _check_fit(context: Context, names: Sequence[str]) -> None:
    """LaffError where the weights of a stage that is about to run are not its part's: told before hours of decoding."""
    wrong = []
    for name in names:
        stage = context.stage(name)
        if stage.borrowed:
            continue
        path = lookup.get(stage, context.graph, context.work)
        further = lookup.further(stage, context.graph, context.work)
        given = [file for file in (path, *further.values()) if file]
        if not given:
            continue
        progress.say(f"{name}: looking whether {' and '.join(file.name for file in given)} fits")
        try:
            with progress.heard("extractors"):  # what was taken off the names of its tensors
                construct(stage, context).load("cpu", path, **further)
        except ValueError as error:
            hint = " or ".join(f"`laff weights check {file}`" for file in given)
            wrong.append(f"'{name}': {error} ({hint} tells what it is and how to use it)")
    if wrong:
        raise problems("weights", wrong)


def targets_of(graph: Graph, names: Sequence[str]) -> list[str]:
    """What to run: the stages named, else those that a step makes the default, else every stage that nothing reads."""
    if names:
        return list(names)
    ends = [stage.name for stage in graph.stages.values() if stage.about.default]
    read = {source for stage in graph.stages.values() for source in stage.sources}
    return ends or [name for name in graph.stages if name not in read]


def wanted(context: Context, targets: Sequence[str]) -> list[str]:
    """The stages that a run of these targets needs; of a package without targets, all that the collection allows."""
    graph = context.graph
    if graph.package and list(targets) in ([], targets_of(graph, ())):
        return graph.needed([name for name in lacks.possible(context) if context.stage(name).sides != ("text",)])
    return graph.needed(targets_of(graph, targets))


def run(
    request: Request,
    targets: Sequence[str],
    retry: bool = False,
    outcome: Outcome | None = None,
    before: Callable[[Context, Sequence[str]], None] | None = None,
) -> Outcome:
    """Make everything that the targets need and that is not cached; `outcome` is what a run before this one did.

    before(context, stages) is called when all that these stages need is made, and before they are, cached or not.
    """
    outcome = Outcome() if outcome is None else outcome
    work = Workspace(request.work)
    graph = request.graph()
    graph.needed(targets)  # tells names of no stage
    found = collection.load(request.collection)  # mistakes are told before the workspace is touched
    _check_place(found, request.work)
    with work.lock():
        context = surroundings(request, graph, found, work, retry)
        context.tasks = _tasks(request, context)
        names = wanted(context, targets)
        outcome.videos = sum(map(len, found.ids.values()))
        outcome.random, outcome.stages = random_stages(context, names), names
        outcome.ends = {step: stage.name for step in ENDS for stage in graph.stages_of(step)}
        outcome.advice = search_advice(graph, request.work) if graph.stages_of("train", names) else ""
        check_names(context, names)
        lacks.check(context, names)
        chosen = choose(context, request)
        outcome.places = context.work.places
        replacing = _check_losses(context, names, request)
        trains = not set(members(context.graph)).isdisjoint(names)
        if chosen.new and trains:
            how = f" ({'; '.join(chosen.differs)})" if chosen.differs else ""
            progress.say(f"these settings make a run of their own, {chosen.name}{how}; what was trained before stays")
        _check_fit(context, _check_work(context, names))
        if request.own:
            request.remember(context.graph, chosen, replacing, trains)
        elif request.replace:
            memory.settle(request.work, replacing)  # what is made now is wanted now, whatever was agreed to before
        try:
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
        finally:
            context.tasks.close()
        outcome.failures = [line for line in ledger.read(work.ledger) if line["stage"] in names]
        outcome.notes = [line for line in ledger.notes(work.ledger) if line["stage"] in names]
        progress.LOG.info(f"done\n{outcome.summary(request.work)}")
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
    _check_place(found, request.work)
    with work.lock():
        context = surroundings(request, request.graph(), found, work, retry=False)
        check_names(context, list(context.graph.stages))
        choose(context, request)
        accepted = accepting.accept(context, names)
        todo = {name for name in context.graph.stages if stage_plan(context, name).todo}
    telling = [stage.name for stage in context.graph.stages.values() if stage.about.tells and stage.name in todo]
    return accepted, [name for name in telling if todo.intersection(context.graph.needed([name])) <= set(telling)]


def _tasks(request: Request, context: Context) -> Tasks:
    """Who does the shards: this process, workers on this machine, or those of a scheduler."""
    if not request.workers and not request.scheduler:
        return Serial()
    video = next((path for path in context.catalog.paths if path and Path(path).exists()), None)  # some may be missing
    seen = [context.work.root, request.collection, *([Path(video)] if video else [])]
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
    for planned in [planned for planned in plans if context.stage(planned.stage).idle]:
        progress.say(f"{planned.stage}: it is told to train no model, so there is nothing to do")
        record(context, planned, Made(planned.stage, planned.todo[0].key, 0, 0.0))
        plans.remove(planned)
    if not plans:
        return
    for planned in plans:
        mark = " with RANDOM WEIGHTS" if context.stage(planned.stage).random else ""
        progress.say(f"{planned.stage}: {len(planned.todo)} to make{mark} ({planned.why})")
    start = time.perf_counter()
    try:
        step = steps.module(context.stage(plans[0].stage))
        with blaming(f"in stage {' + '.join(repr(planned.stage) for planned in plans)}"):
            if together := getattr(step, "run_together", None):
                together(context, plans)
            else:
                step.run(context, plans[0])
    except ModuleNotFoundError as error:
        if not absent(error):
            raise
        raise Missing(error.name or str(error), " + ".join(planned.stage for planned in plans)) from error
    finally:
        seconds = time.perf_counter() - start
        for planned in plans:
            outcome.made[planned.stage] = len(planned.todo) - len(planned.unfinished)
            outcome.seconds[planned.stage] = seconds if len(plans) == 1 else context.spent.get(planned.stage, 0.0)
            progress.note(f"{planned.stage}: {outcome.made[planned.stage]} made in {seconds:.1f} s")
