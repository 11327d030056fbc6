"""Let stand what earlier code has made: units of which nothing but code has changed, and what follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.errors import LaffError, problems
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.plan import changed_code, stage_plan
from pipeline.plan.planned import Planned
from pipeline.plan.units import Unit
from pipeline.store.index import Entry


@dataclass
class Accepted:
    """What came of it."""

    units: dict[str, int] = field(default_factory=dict)  # stage -> units that stand now, named or not
    modules: dict[str, list[str]] = field(default_factory=dict)  # stage -> modules of its own whose code has changed
    left: dict[str, str] = field(default_factory=dict)  # stage that is still to be made -> why


def accept(context: Context, names: Sequence[str]) -> Accepted:
    """Note in the indexes that the units of these stages stand, though they were made by earlier code.

    Stages that are stale only because they read the named ones stand too; those whose own code has changed as well
    have to be named. The workspace is to be held. LaffError where anything but code differs, or nothing is stale.
    """
    _check(context, names)
    found = Accepted()
    unfinished: set[str] = set()
    for name in context.graph.stages:
        planned = stage_plan(context, name)
        if not planned.todo:
            continue
        reads_unfinished = unfinished.intersection(context.graph.needed([name]))
        if name in names or (not reads_unfinished and not planned.missing and _follows(context, planned)):
            _note(context, planned, found)
            if not planned.missing:
                continue
        unfinished.add(name)
        if planned.stale and name not in names:
            found.left[name] = "; ".join(planned.reasons)
    return found


def earlier_code(context: Context, names: Sequence[str]) -> dict[str, list[str]]:
    """{stage: modules} of what stands in these stages, and all that they read, though earlier code has made it."""
    found = {}
    for name in context.graph.needed(names):
        entries = context.work.index(name).entries
        if not any(entry.accepted for entry in entries.values()):  # as nearly always
            continue
        standing = [entries[unit.key] for unit in steps.units(context, name) if _stands(entries, unit)]
        if modules := {module for entry in standing for module in entry.earlier}:
            found[name] = sorted(modules)
    return found


def made_as(context: Context, stage: str, unit: Unit) -> str:
    """The fingerprint under which a unit was made, which may be an earlier one."""
    entries = context.work.index(stage).entries
    return entries[unit.key].fingerprint if _stands(entries, unit) else unit.fingerprint


def _stands(entries: Mapping[str, Entry], unit: Unit) -> bool:
    """Whether a unit was made by earlier code and accepted since."""
    entry = entries.get(unit.key)
    return entry is not None and entry.accepted == unit.fingerprint != entry.fingerprint


def _check(context: Context, names: Sequence[str]) -> None:
    """LaffError with all that stands in the way of the named stages."""
    context.graph.needed(names)  # tells a name of no stage
    wrong = []
    for name in names:
        stage, planned = context.stage(name), stage_plan(context, name)
        if stage.about.tells:
            wrong.append(f"'{name}' says what was accepted, so it is made again, in seconds: name what it is made from")
        elif not planned.stale:
            state = "not made yet" if planned.missing else "up to date"
            wrong.append(f"'{name}' is {state}; there is nothing to accept")
        elif not planned.only_code:
            wrong.append(f"'{name}': only changed code can be accepted, but here it says: {'; '.join(planned.reasons)}")
    if wrong:
        raise problems("laff accept", wrong) if len(wrong) > 1 else LaffError(f"laff accept: {wrong[0]}")


def _follows(context: Context, planned: Planned) -> bool:
    """Whether a stage is stale only by the code of what it reads, its own being what it was."""
    if not planned.only_code or context.stage(planned.stage).about.tells:
        return False
    index = context.work.index(planned.stage)
    for unit in planned.stale:
        old = index.recipes[index.entries[unit.key].fingerprint]
        inside = any(old.get(key) != value for key, value in unit.recipe.items() if key.startswith("joint "))
        if inside or changed_code(old, unit.recipe):
            return False
    return True


def _note(context: Context, planned: Planned, found: Accepted) -> None:
    index = context.work.index(planned.stage)
    modules: dict[str, None] = {}
    for unit in planned.stale:
        entry = index.entries[unit.key]
        old = index.recipes[entry.fingerprint]
        changed = changed_code(old, unit.recipe)
        entry.accepted = unit.fingerprint
        entry.earlier = {module: list(digests) for module, digests in changed.items()}
        modules |= dict.fromkeys(changed)
        index.record(unit.key, entry, old)
    found.units[planned.stage], found.modules[planned.stage] = len(planned.stale), list(modules)
