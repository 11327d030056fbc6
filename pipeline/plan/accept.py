"""Accepts results of earlier code: units for which only code has changed, and what was made from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.errors import LaffError, problems
from pipeline.files import JsonObject
from pipeline.plan import packed, steps
from pipeline.plan.context import Context
from pipeline.plan.differences import changed_code
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.plan.units import Unit
from pipeline.store.index import Entry


@dataclass
class Accepted:
    """The outcome of accepting."""

    units: dict[str, int] = field(default_factory=dict)  # stage -> units that stand now, named or not
    modules: dict[str, list[str]] = field(default_factory=dict)  # stage -> modules of its own whose code has changed
    left: dict[str, str] = field(default_factory=dict)  # stale stage that was not named -> why it does not follow


def accept(context: Context, names: Sequence[str]) -> Accepted:
    """Note in the indexes that the units of these stages are valid, though earlier code made them.

    A stage that is stale only because it reads these is accepted as well, if all that it reads is as it was then. A
    stage whose own code has changed has to be named. The workspace has to be locked. Raises LaffError where anything
    but code differs, or nothing is stale.
    """
    _check(context, names)
    accepted = Accepted()
    for name in context.graph.stages:
        planned = stage_plan(context, name)
        if name in names or _follows(context, planned):
            _note(context, planned, accepted)
        elif planned.stale:
            accepted.left[name] = planned.why
    return accepted


def earlier_code(context: Context, names: Sequence[str]) -> dict[str, list[str]]:
    """{stage: modules that were other code when it was made}, of accepted units of these stages and all that they read.

    "STAGE as it was" stands in place of a module where STAGE has been made anew since.
    """
    made_by = packed.other_code(context)
    for name in context.graph.needed(names):
        entries = context.work.index(name).entries
        if not any(entry.accepted for entry in entries.values()):  # as nearly always
            continue
        standing = [entries[unit.key] for unit in steps.units(context, name) if _stands(entries, unit)]
        if what := {module for entry in standing for module in entry.earlier}:
            made_by[name] = sorted(what)
    return made_by


def made_as(context: Context, stage: str, unit: Unit) -> str:
    """The fingerprint under which a unit was made, which may be an earlier one."""
    entries = context.work.index(stage).entries
    return entries[unit.key].fingerprint if _stands(entries, unit) else unit.fingerprint


def _stands(entries: Mapping[str, Entry], unit: Unit) -> bool:
    """Whether a unit was made by earlier code and accepted since."""
    entry = entries.get(unit.key)
    return entry is not None and entry.accepted == unit.fingerprint != entry.fingerprint


def _check(context: Context, names: Sequence[str]) -> None:
    """Raise LaffError with all reasons why these stages cannot be accepted."""
    context.graph.needed(names)  # raises LaffError for an unknown stage
    mistakes = []
    for name in names:
        stage, planned = context.stage(name), stage_plan(context, name)
        if stage.about.tells:
            mistakes.append(f"'{name}' is made again in seconds; accept what it reads")
        elif not planned.stale:
            state = "not made yet" if planned.missing else "up to date"
            mistakes.append(f"'{name}' is {state}; there is nothing to accept")
        elif not planned.only_code:
            mistakes.append(f"'{name}': only changed code can be accepted, but here it says: {planned.why}")
    if mistakes:
        raise problems("laff accept", mistakes) if len(mistakes) > 1 else LaffError(f"laff accept: {mistakes[0]}")


def _follows(context: Context, planned: Planned) -> bool:
    """Whether a stage is stale only by code of what it reads, and all of that is accepted as it was read then."""
    if not planned.only_code:
        return False
    index = context.work.index(planned.stage)
    known: dict[tuple[str, str], bool] = {}  # many units share a recipe
    for unit in planned.stale:
        old_fingerprint = index.entries[unit.key].fingerprint
        if (old_fingerprint, unit.fingerprint) not in known:
            old = index.recipes[old_fingerprint]
            changed = [name for name, now in unit.recipe["from"].items() if old["from"].get(name) != now]
            stand = all(_all_stand(context, planned.stage, name) for name in changed)
            known[old_fingerprint, unit.fingerprint] = stand and not changed_code(old, unit.recipe)
        if not known[old_fingerprint, unit.fingerprint]:
            return False
    return True


def _all_stand(context: Context, reader: str, name: str) -> bool:
    """Whether all units of the stage or model `name`, which `reader` reads, are accepted results of earlier code."""
    units = _units_of(context, reader, name)
    return bool(units) and all(_stands(context.work.index(stage).entries, unit) for stage, unit in units)


def _units_of(context: Context, reader: str, name: str) -> list[tuple[str, Unit]]:
    """The units of a stage, or of the model of this name that a stage reads from the train stage in its `from`."""
    if name in context.graph.stages:
        return [(name, unit) for unit in steps.units(context, name)]
    sources = context.stage(reader).sources
    units = [(source, unit) for source in sources for unit in steps.units(context, source)]
    return [(source, unit) for source, unit in units if unit.key.startswith(f"{name}/")]


def _note(context: Context, planned: Planned, accepted: Accepted) -> None:
    index = context.work.index(planned.stage)
    upstream: dict[str, dict[str, list[str]]] = {}  # what is read -> its own notes
    modules: dict[str, None] = {}
    for unit in planned.stale:
        entry = index.entries[unit.key]
        old: JsonObject = index.recipes[entry.fingerprint]
        changed_modules = {module: list(digests) for module, digests in changed_code(old, unit.recipe).items()}
        entry.earlier = dict(changed_modules)
        for name, now in unit.recipe["from"].items():
            if (old_fingerprint := old["from"].get(name)) != now:
                if name not in upstream:
                    upstream[name] = _notes(context, planned.stage, name)
                entry.earlier = (upstream[name] or {f"{name} as it was": [old_fingerprint or "", now]}) | entry.earlier
        entry.accepted = unit.fingerprint
        modules |= dict.fromkeys(changed_modules)
    index.save()
    accepted.units[planned.stage], accepted.modules[planned.stage] = len(planned.stale), list(modules)


def _notes(context: Context, reader: str, name: str) -> dict[str, list[str]]:
    """The notes of all accepted units of a stage or model; {} where some unit is not accepted."""
    if not _all_stand(context, reader, name):
        return {}
    entries = [context.work.index(stage).entries[unit.key] for stage, unit in _units_of(context, reader, name)]
    return {what: digests for entry in entries for what, digests in entry.earlier.items()}
