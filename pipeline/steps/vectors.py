"""vectors: what models, or features of videos and texts in one space, make of every video, kept for search and rank."""

from dataclasses import dataclass

from pipeline import progress
from pipeline.graph.graph import Stage
from pipeline.graph.kept import Kept, kept, train_of
from pipeline.graph.options import VectorOptions
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit
from pipeline.plan.units import vectors as units_of
from pipeline.ranking.storing import Ready, job_of, store
from pipeline.workers.tasks import Made

NONE = "none"  # the unit of a stage that has nothing to keep


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
    """A shard for each shard of videos, of each model or feature; or one without files, where none has vectors."""
    found = [unit for one in kept(context.graph, stage) for unit in units_of(context, stage, one)]
    if not found:
        recipe, print_ = context.recipe(stage.name), context.fingerprint(stage.name)
        return [Unit(NONE, "", print_, recipe, ())]
    return found


def run(context: Context, planned: Planned) -> None:
    """Make the shards that are missing, each a task."""
    stage = context.stage(planned.stage)
    train = train_of(context.graph, stage)
    of: dict[str, Kept] = {one.key: one for one in kept(context.graph, stage)}
    if not of:
        progress.say(f"{stage.name}: no model here gives videos vectors, so there is nothing to keep")
        record(context, planned, Made(stage.name, planned.todo[0].key, 0, 0.0))
        return
    size = sum(len(context.catalog.shards("video")[unit.shard]) for unit in planned.todo)
    jobs = [job_of(context, stage, train, of[unit.key.rpartition("/")[0]], unit) for unit in planned.todo]
    with progress.bar(stage.name, size, "video") as bar:
        for made in context.tasks.each(store, jobs, bar):
            record(context, planned, made)
    context.tasks.forget(Ready)
