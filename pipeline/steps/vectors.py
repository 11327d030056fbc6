"""vectors: keeps a vector of every video, by models or by features of both sides, for search and rank."""

from dataclasses import dataclass, field
from typing import Literal

from pipeline import progress
from pipeline.graph.graph import Stage
from pipeline.graph.kept import Kept, kept, train_of
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit
from pipeline.plan.units import vectors as units_of
from pipeline.ranking.storing import Ready, job_of, store
from pipeline.workers.tasks import Made

NONE = "none"  # the unit of a stage that has nothing to keep


@dataclass(frozen=True)
class Options:
    """Parameters of the step."""

    HELP = "Keep the vectors that models make of every video."
    SINGLE = True
    IN_PLACE = True
    MAKES = ("{model}/{shard}",)
    STALE = "the models changed"
    HOW = ("models",)

    models: list[str] = field(default_factory=list)  # MODEL, MODEL/seedN, or a feature of both sides; []: the main ones
    dtype: Literal["float32", "float16"] = "float32"  # of the kept values; rank reads float32 only


def units(context: Context, stage: Stage) -> list[Unit]:
    """A shard for each shard of videos, of each model or feature; or one without files, where none has vectors."""
    shards = [unit for chosen in kept(context.graph, stage) for unit in units_of(context, stage, chosen)]
    if not shards:
        recipe, print_ = context.recipe(stage.name), context.fingerprint(stage.name)
        return [Unit(NONE, "", print_, recipe, ())]
    return shards


def run(context: Context, planned: Planned) -> None:
    """Make the shards that are missing, each a task."""
    stage = context.stage(planned.stage)
    train = train_of(context.graph, stage)
    by_key: dict[str, Kept] = {chosen.key: chosen for chosen in kept(context.graph, stage)}
    if not by_key:
        progress.say(f"{stage.name}: no model here gives videos vectors, so there is nothing to keep")
        record(context, planned, Made(stage.name, planned.todo[0].key, 0, 0.0))
        return
    size = sum(len(context.catalog.shards("video")[unit.shard]) for unit in planned.todo)
    jobs = [job_of(context, stage, train, by_key[unit.key.rpartition("/")[0]], unit) for unit in planned.todo]
    with progress.bar(stage.name, size, "video") as bar:
        for result in context.tasks.each(store, jobs, bar):
            record(context, planned, result)
    context.tasks.forget(Ready)
