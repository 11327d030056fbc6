"""The plan of a run: its stages, their states, and the results that it would replace."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import LaffError, problems
from pipeline.files import JsonObject
from pipeline.graph.graph import Graph
from pipeline.items.collection import load as load_collection
from pipeline.items.table import read as read_table
from pipeline.opening import choose, surroundings
from pipeline.plan import lacks, losses, steps, tree
from pipeline.plan.context import Context
from pipeline.plan.losses import Loss, WouldReplace
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.plan.runs import Chosen
from pipeline.plan.work import Times, Work, work
from pipeline.request import Request
from pipeline.store import memory
from pipeline.store.workspace import Workspace
from pipeline.weights import lookup


@dataclass
class Plan:
    """The plan of a run."""

    run: Chosen  # the run that the settings belong to
    stages: list[Planned]  # the state of every stage that the targets need
    random: list[str]  # which of them have random weights
    losses: list[Loss]  # what would be replaced, which a run asks about first
    work: dict[str, Work]  # of each stage what is left to make

    def summary(self, graph: Graph) -> list[JsonObject]:
        """The plan as `laff plan --json` gives it, an object for each stage."""
        replaced = {loss.stage for loss in self.losses}
        return [
            one.summary()
            | {"state": tree.state(one), "items": self.work[one.stage].items, "seconds": self.work[one.stage].seconds}
            | {"from": list(graph.reads(one.stage)), "random": one.stage in self.random}
            | {"asks": one.stage in replaced}
            for one in self.stages
        ]


def plan(request: Request, targets: Sequence[str], retry: bool = False) -> Plan:
    """The plan of a run of these targets. Writes nothing."""
    collection = load_collection(request.collection)
    context = surroundings(request, request.graph(), collection, Workspace(request.work), retry)
    names = wanted(context, targets)
    check_names(context, names)
    lacks.check(context, names)
    chosen = choose(context, request)
    lost = losses.losses(context, names, request.agreed())
    stages, times = [stage_plan(context, name) for name in names], Times.of(context)
    left = {one.stage: work(context, one, times) for one in stages}
    return Plan(chosen, stages, random_stages(context, names), lost, left)


def random_stages(context: Context, names: Sequence[str]) -> list[str]:
    """Stages among `names` that compute with random weights."""
    return [name for name in names if context.stage(name).random]


def check_names(context: Context, names: Sequence[str]) -> None:
    """Raise LaffError with all that is wrong with names of weights and values of params."""
    mistakes = [mistake for name in names if (mistake := lookup.check(context.stage(name), context.graph))]
    mistakes += [mistake for name in names if (mistake := steps.refused(context.stage(name)))]
    if mistakes:
        raise problems(str(context.graph.path), mistakes)


def targets_of(graph: Graph, names: Sequence[str]) -> list[str]:
    """The stages to run: those named, else those of default steps, else every stage that nothing reads."""
    if names:
        return list(names)
    ends = [stage.name for stage in graph.stages.values() if stage.about.default]
    read = {source for stage in graph.stages.values() for source in stage.sources}
    return ends or [name for name in graph.stages if name not in read]


def wanted(context: Context, targets: Sequence[str]) -> list[str]:
    """The stages that these targets need; without targets, of a package, all that the collection allows."""
    graph = context.graph
    if graph.package and list(targets) in ([], targets_of(graph, ())):
        return graph.needed([name for name in lacks.possible(context) if context.stage(name).sides != ("text",)])
    return graph.needed(targets_of(graph, targets))


def check_losses(context: Context, names: Sequence[str], request: Request) -> dict[str, str]:
    """Stage -> fingerprint of what may replace older results. Raises WouldReplace where nobody has agreed."""
    agreed = {name: fingerprint for name, fingerprint in request.agreed().items() if name in context.graph.stages}
    lost = losses.losses(context, names, agreed)
    gone = _gone(context, request)
    if (lost or gone) and not request.replace:
        trained = losses.trained_by_earlier_code(context, names)
        raise WouldReplace(lost, str(request.work), request.hint(), gone, trained)
    kept = {name: fingerprint for name, fingerprint in agreed.items() if context.fingerprint(name) == fingerprint}
    return kept | losses.fingerprints(lost, context)


def _gone(context: Context, request: Request) -> str:
    """In words, the videos that are lost with another collection than the last run's; '' where most are in it."""
    last = memory.read(request.work)
    if last is None or not request.is_run or last.collection.resolve() == request.collection.resolve():
        return ""
    try:
        videos_before = read_table(context.work.table)[0].videos
    except LaffError:  # damaged: it is made again from the shards
        return ""
    gone = set(videos_before).difference(context.catalog.videos)
    if 2 * len(gone) <= len(videos_before):
        return ""
    return (
        f"{len(gone)} of the {len(videos_before)} videos are not in {request.collection}; the last run had "
        f"{last.collection}"
    )
