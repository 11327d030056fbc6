"""The finished features and fine-tunings of other settings or other code that a run would replace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import LaffError
from pipeline.plan.context import Context
from pipeline.plan.differences import changed_code, differences
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.plan.run_settings import members
from pipeline.views.tables import duration
from pipeline.wording import number_of


@dataclass(frozen=True)
class Loss:
    """Finished units of a stage that a run would replace."""

    stage: str
    units: int
    items: int  # rows of features in the units, or captions that the units were learned from
    seconds: float  # time that it took to make the units
    reasons: tuple[str, ...]  # why the units are stale
    only_code: bool  # whether only code changed

    def __str__(self) -> str:
        what = f"{number_of(self.items, 'rows')} in {number_of(self.units, 'files')}"
        return f"{self.stage}: {what}, made in {duration(self.seconds)} ({'; '.join(self.reasons)})"


class WouldReplace(LaffError):
    """Raised when a run would replace finished results and nobody has agreed to it."""

    def __init__(
        self, losses: Sequence[Loss], work: str, hint: str = "", gone: str = "", trained: Sequence[str] = ()
    ) -> None:
        """Say what would be lost, and how to keep it.

        work: the workspace as -w names it; hint: in words, how the settings of the last run differ, or ''; gone: in
        words, the videos that are lost with another collection, or ''; trained: what `trained_by_earlier_code` gives.
        """
        lines = ["this run would replace finished results:", *(f"  - {loss}" for loss in losses)]
        lines += [f"  - {gone}"] if gone else []
        lines += [hint] if hint else []
        if code := [loss.stage for loss in losses if loss.only_code]:
            also = f", and the models ({', '.join(trained)}), which would be trained anew" if trained else ""
            accept = f"laff accept {' '.join([*code, *trained])} -w {work}"
            lines.append(f"only code has changed: `{accept}` keeps them as they are{also}")
        super().__init__("\n".join(lines))


def losses(context: Context, names: Sequence[str], agreed: Mapping[str, str]) -> list[Loss]:
    """The finished results that a run of these stages would replace, or make useless in other stages.

    Two kinds are not listed: trained models (each run keeps its own), and results whose data changed (nobody can use
    them). agreed: {stage: fingerprint} of the stages whose older results a person has agreed to lose.
    """
    of_run = set(members(context.graph))
    chosen: set[str] = set()
    plans: list[Planned] = []
    for name in context.graph.stages:  # in running order
        if name in of_run:
            continue
        plan = stage_plan(context, name)
        follows = chosen.intersection(context.graph.reads(name))
        if plan.outdated and (follows or (name in names and _is_chosen(context, plan))):
            chosen.add(name)  # stale by settings or code, not by data
            plans.append(plan)
    return [_loss(context, plan) for plan in plans if not _agreed(plan, agreed)]


def trained_by_earlier_code(context: Context, names: Sequence[str]) -> list[str]:
    """The stages of a run among `names` whose own code has changed, and that are stale by code alone."""
    plans = [stage_plan(context, name) for name in members(context.graph) if name in names]
    return [plan.stage for plan in plans if plan.only_code and plan.by_code]


def _is_chosen(context: Context, plan: Planned) -> bool:
    """Whether a stage is stale by its own settings or code, or because a stage it reads was remade with other ones.

    Also true if the recipe of the old results is not known.
    """
    index = context.work.index(plan.stage)
    recipes = {index.entries[unit.key].fingerprint: unit.recipe for unit in plan.outdated}
    return any(_differs(context, index.recipes.get(old, {}), now) for old, now in recipes.items())


def _differs(context: Context, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if not old or changed_code(dict(old), dict(new)) or old.get("decoder") != new.get("decoder"):
        return True
    if any(not difference.what.startswith("file of ") for difference in differences(dict(old), dict(new))):
        return True
    sources, now = old.get("from", {}), new.get("from", {})
    if set(sources) != set(now):
        return True
    moved = [name for name in now if sources[name] != now[name] and name in context.graph.stages]
    return any(not stage_plan(context, name).outdated for name in moved)  # the source was remade already


def fingerprints(losses_: Sequence[Loss], context: Context) -> dict[str, str]:
    """{stage: fingerprint of the results that may replace these losses}, as `losses` takes it in `agreed`."""
    return {loss.stage: context.fingerprint(loss.stage) for loss in losses_}


def _agreed(plan: Planned, agreed: Mapping[str, str]) -> bool:
    return all(unit.fingerprint == agreed.get(plan.stage) for unit in plan.outdated)


def _loss(context: Context, plan: Planned) -> Loss:
    entries = [context.work.index(plan.stage).entries[unit.key] for unit in plan.outdated]
    return Loss(
        plan.stage,
        len(entries),
        sum(entry.rows for entry in entries),
        sum(entry.took for entry in entries),
        tuple(plan.why.split("; ")),
        len(plan.acceptable) == len(plan.outdated),
    )
