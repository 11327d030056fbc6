"""What is not up to date, and why: every command that needs finished results asks here."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from pipeline.errors import LaffError
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.plan.units import Unit
from pipeline.shell import command

Concerns = Callable[[str, Unit], bool]  # whether a unit of the stage of this name matters to who asks


def not_up_to_date(context: Context, names: Iterable[str], concerns: Concerns | None = None) -> list[Planned]:
    """The states of those of these stages that have units to be made, in the order of `names`.

    concerns: leaves in each state only the units that matter; without it, all do.
    """
    states = [stage_plan(context, name) for name in names]
    if concerns is not None:
        states = [_narrowed(state, concerns) for state in states]
    return [state for state in states if state.todo]


def _narrowed(state: Planned, concerns: Concerns) -> Planned:
    """A state with only those of its units that matter."""
    missing, stale = ([unit for unit in units if concerns(state.stage, unit)] for units in (state.missing, state.stale))
    return replace(state, missing=missing, stale=stale)


def check_up_to_date(context: Context, names: Iterable[str], again: str, concerns: Concerns | None = None) -> None:
    """Raise LaffError about the first of these stages that is not up to date.

    again: what makes it up to date, as the end of a sentence; concerns: see `not_up_to_date`.
    """
    if states := not_up_to_date(context, names, concerns):
        first, others = states[0], ""
        same = "give the same --profile, --set and --stages as when it was made, or "
        if context.changes:  # no settings help where the collection has changed
            same = ""
        elif not first.cached and not first.stale:  # it was never made, as in a run that was interrupted
            same, others = "", f"; `{command('runs', '-w', context.work.root)}` lists other runs, which --name takes"
        why = "; ".join(context.changes or [first.why])
        raise LaffError(f"{first.stage} in {context.work.root} is not up to date ({why}); {same}{again}{others}")
