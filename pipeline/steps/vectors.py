"""vectors: keep a vector of every video, from models or aligned features, for search and rank."""

from dataclasses import dataclass

from pipeline import progress
from pipeline.graph.graph import Stage
from pipeline.graph.kept import Kept, kept, train_of
from pipeline.graph.options import VectorOptions
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit, nothing
from pipeline.plan.units import vectors as units_of
from pipeline.ranking.storing import Ready, job_of, store
from pipeline.workers.tasks import Made


@dataclass(frozen=True)
class Options(VectorOptions):
    """Parameters of the step."""

    HELP = "Keep the vectors that models make of every video."
    SINGLE = True
    IN_PLACE = True
    MAKES = ("{model}/{shard}",)
    STALE = "the models changed"
    HOW = ("models",)


def units(context: Context, stage: Stage) -> list[Unit]:
    """One shard for each model or feature and shard of videos; one unit without files if none has vectors."""
    shards = [unit for source in kept(context.graph, stage) for unit in units_of(context, stage, source)]
    return shards or [nothing(context, stage)]


def run(context: Context, planned: Planned) -> None:
    """Make the missing shards, one task each."""
    stage = context.stage(planned.stage)
    train = train_of(context.graph, stage)
    sources: dict[str, Kept] = {source.key: source for source in kept(context.graph, stage)}
    if not sources:
        progress.say(f"{stage.name}: no model here gives videos vectors, so there is nothing to keep")
        record(context, planned, Made(stage.name, planned.todo[0].key, 0, 0.0))
        return
    size = sum(len(context.catalog.shards("video")[unit.shard]) for unit in planned.todo)
    jobs = [job_of(context, stage, train, sources[unit.key.rpartition("/")[0]], unit) for unit in planned.todo]
    with progress.bar(stage.name, size, context.catalog.unit) as bar:
        for shard in context.tasks.each(store, jobs, bar):
            record(context, planned, shard)
    context.tasks.forget(Ready)
