"""The order of a run: groups of stages that work together, and how many videos a stage works on."""

from collections.abc import Sequence

from pipeline.plan.context import Context
from pipeline.plan.planned import Planned


def phases(context: Context, names: Sequence[str]) -> list[list[str]]:
    """Groups of stages in running order. Stages that can share one pass over the videos are in one group.

    Such stages wait for each other, and whatever else is ready runs first, so that clip-ft, which needs finetune, joins
    the pass. The stage that makes the table comes first, because all others work on the items in it.
    """
    table = context.graph.of_step("ingest").name
    left, done, phases_found = [name for name in names if name != table], {table}, [[table]]
    while left:
        ready = [
            name for name in left if all(source in done or source not in left for source in context.graph.reads(name))
        ]
        alone = [name for name in ready if not _shares(context, name)]
        phase = alone[:1] or [name for name in ready if context.stage(name).about == context.stage(ready[0]).about]
        phases_found.append(phase)
        done.update(phase)
        left = [name for name in left if name not in phase]
    return phases_found


def _shares(context: Context, name: str) -> bool:
    stage = context.stage(name)
    return bool(stage.about.together) and stage.about.together in stage.sides


def videos_in(context: Context, planned: Planned) -> int:
    """The number of videos, whole or in windows, in the shards that a stage makes."""
    shards = context.catalog.shards("video")
    numbers = {unit.shard for unit in planned.todo if unit.side == "video"}
    return len({context.catalog.paths[row] for number in numbers for row in shards[number].tolist()})
