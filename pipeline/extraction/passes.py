"""Passes over videos: they make the missing shards of several stages, and decode each video once for all of them."""

from collections.abc import Callable, Iterator, Sequence

from pipeline import progress
from pipeline.extraction.clips import clips
from pipeline.extraction.decoding import Pass
from pipeline.extraction.sweep import sweep
from pipeline.extraction.target import Target
from pipeline.graph.graph import Stage
from pipeline.graph.options import DecodingLimits
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit

TargetOf = Callable[[Context, Stage, Unit], Target]


def make_shards(context: Context, plans: Sequence[Planned], target: TargetOf) -> None:
    """Make the missing shards of videos of several stages, shard by shard.

    target(context, stage, unit) gives what a task needs to make one shard of one stage.
    """
    by_shard: dict[int, list[tuple[Stage, Unit]]] = {}
    for planned in plans:
        for unit in planned.todo:
            if unit.side == "video":
                by_shard.setdefault(unit.shard, []).append((context.stage(planned.stage), unit))
    if not by_shard:
        return
    plan_of = {planned.stage: planned for planned in plans}
    making = {stage.name for members in by_shard.values() for stage, _ in members}
    size = sum(len(context.catalog.shards("video")[shard]) for shard in by_shard)
    with progress.bar("+".join(name for name in plan_of if name in making), size, context.catalog.unit) as bar:
        for shards in context.tasks.each(sweep, _passes(context, by_shard, target), bar):
            for shard in shards:
                record(context, plan_of[shard.stage], shard)


def _passes(context: Context, by_shard: dict[int, list[tuple[Stage, Unit]]], target: TargetOf) -> Iterator[Pass]:
    """One pass over the videos of each shard, for all stages that lack it."""
    for shard, members in sorted(by_shard.items()):
        stages = [stage for stage, _ in members]
        limits = [stage.options_as(DecodingLimits) for stage in stages]
        yield Pass(
            clips(context, stages[0].name, shard),
            [target(context, stage, unit) for stage, unit in members],
            context.graph.threads,
            timeout=max(limit.timeout for limit in limits),
            memory=max(limit.memory for limit in limits),
            decoder=context.graph.decoder(stages[0].name),
        )
