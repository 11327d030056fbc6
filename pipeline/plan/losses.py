"""What a run would replace that is finished: features and fine-tunings that other settings or other code have made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import LaffError
from pipeline.plan.context import Context
from pipeline.plan.differences import changed_code, differences
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.plan.run_settings import members


@dataclass(frozen=True)
class Loss:
    """Finished units of a stage that a run would replace."""

    stage: str
    units: int
    items: int  # rows of features that they hold, or captions that they were learned from
    seconds: float  # that making them has taken
    reasons: tuple[str, ...]
    only_code: bool  # whether nothing but code differs

    def __str__(self) -> str:
        what = f"{self.items:,} rows in {self.units} file(s)"
        return f"{self.stage}: {what}, made in {_duration(self.seconds)} ({'; '.join(self.reasons)})"


class WouldReplace(LaffError):
    """A run that would replace what is finished, and that nobody has agreed to."""

    def __init__(self, losses: Sequence[Loss], work: str, hint: str = "", gone: str = "") -> None:
        """work: the workspace as -w names it; hint: what the settings that made it have and these have not.

        gone: what another collection takes away, in words.
        """
        lines = ["this run would replace finished results:", *(f"  - {loss}" for loss in losses)]
        lines += [f"  - {gone}"] if gone else []
        lines += [hint] if hint else []
        if code := [loss.stage for loss in losses if loss.only_code]:
            lines.append(f"only code has changed: `laff accept {' '.join(code)} -w {work}` keeps them as they are")
        super().__init__("\n".join(lines))


def losses(context: Context, names: Sequence[str], agreed: Mapping[str, str]) -> list[Loss]:
    """What a run of these stages would replace, and what of other stages it would make useless.

    Trainings and what comes of them are no loss: these keep a place each. agreed: stage -> fingerprint, of stages whose
    older results a person has agreed to lose. What is stale because videos, captions or a file that is imported have
    changed is no loss: it is of no use any more.
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
            chosen.add(name)  # stale because somebody has other settings or other code
            plans.append(plan)
    return [_loss(context, plan) for plan in plans if not _agreed(plan, agreed)]


def _is_chosen(context: Context, plan: Planned) -> bool:
    """Whether a stage is stale by choice: by settings or code of its own, or those of what was made anew before it.

    An unknown past counts as such.
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
    return any(not stage_plan(context, name).outdated for name in moved)  # it was made anew already


def fingerprints(losses_: Sequence[Loss], context: Context) -> dict[str, str]:
    """What may replace these, as `losses` takes it in `agreed`."""
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


def _duration(seconds: float) -> str:
    """'40 s', '12 min', '3.5 h'."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
