"""What a run would replace that is finished: features and fine-tunings that other settings or other code have made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import LaffError
from pipeline.plan.context import Context
from pipeline.plan.differences import changed_code, differences
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.plan.runs import members


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

    def __init__(self, losses: Sequence[Loss], work: str, hint: str = "") -> None:
        """work: the workspace as -w names it; hint: what the settings that made it have and these have not."""
        lines = ["this run would replace finished results:", *(f"  - {loss}" for loss in losses)]
        lines += [hint] if hint else []
        if code := [loss.stage for loss in losses if loss.only_code]:
            lines.append(f"only code has changed: `laff accept {' '.join(code)} -w {work}` keeps them as they are")
        super().__init__("\n".join(lines))


def losses(context: Context, names: Sequence[str], agreed: Mapping[str, str]) -> list[Loss]:
    """What a run of these stages would replace, trainings and what comes of them aside: these keep a place each.

    agreed: stage -> fingerprint, of stages whose older results a person has agreed to lose, in a run that was cut off.
    What is stale because videos, captions or a file that is imported have changed is no loss: it is of no use any more.
    """
    own = set(members(context.graph))
    plans = [plan for name in names if name not in own and (plan := stage_plan(context, name)).outdated]
    chosen: set[str] = set()  # stages that are stale because somebody has other settings or other code
    for plan in plans:
        if _is_chosen(context, plan) or chosen.intersection(context.graph.reads(plan.stage)):
            chosen.add(plan.stage)
    return [_loss(context, plan) for plan in plans if plan.stage in chosen and not _agreed(plan, agreed)]


def _is_chosen(context: Context, plan: Planned) -> bool:
    """Whether settings or code of the stage itself differ from those that made it; an unknown past counts as such."""
    index = context.work.index(plan.stage)
    recipes = [(index.recipes.get(index.entries[unit.key].fingerprint), unit.recipe) for unit in plan.outdated]
    return any(
        not old
        or changed_code(old, new)
        or any(not one.what.startswith("file of ") for one in differences(old, new))
        or old.get("decoder") != new.get("decoder")
        for old, new in recipes
    )


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
