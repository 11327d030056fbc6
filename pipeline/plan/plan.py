"""Which units are cached, stale or missing, and why."""

from typing import Any

from pipeline.graph.graph import Graph, Stage
from pipeline.parts.code import source_name
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.units import Unit
from pipeline.weights import lookup


def stage_plan(context: Context, name: str) -> Planned:
    """The state of a stage's units against the workspace."""
    stage = context.stage(name)
    if own := getattr(steps.module(stage), "state", None):
        state: Planned = own(context, stage)
        return state
    planned = Planned(name)
    index = context.work.index(name)
    for unit in steps.units(context, name):
        entry = index.entry(unit.key)
        if entry is None:
            planned.missing.append(unit)
            reason = "not made yet"
        elif unit.fingerprint not in (entry.fingerprint, entry.accepted):
            planned.stale.append(unit)
            old = index.recipes.get(entry.fingerprint, {})
            reason = explain(old, unit.recipe)
            if entry.content == unit.content and only_code(old, unit.recipe) and not stage.about.tells:
                planned.by_code |= {module: None for module in changed_code(old, unit.recipe)}
                planned.acceptable.append(unit)
        elif entry.content != unit.content:
            planned.stale.append(unit)
            reason = _content_reason(stage, unit)
        elif context.retry and entry.failed:
            planned.stale.append(unit)
            reason = f"{len(entry.failed)} failed video(s) to be tried again"
        else:
            planned.cached.append(unit)
            continue
        if reason not in planned.reasons:
            planned.reasons.append(reason)
    return planned


def _content_reason(stage: Stage, unit: Unit) -> str:
    if unit.shard < 0:
        return stage.about.stale
    items = "videos" if unit.side == "video" else "captions"
    return f"its {items} changed, or those that an earlier stage learned from"


def only_code(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether nothing but code differs between two recipes, their own or that of what they read."""
    return bool(old.get("settings")) and old["settings"] == new["settings"]


def changed_code(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """{module: (old digest, new digest)} of a recipe's own code; '' where there is none. A moved file is equal."""
    before, after = old.get("code", {}), new.get("code", {})
    gone, come = set(before.values()) - set(after.values()), set(after.values()) - set(before.values())
    names = sorted({m for m in before if before[m] in gone} | {m for m in after if after[m] in come})
    return {name: (before.get(name, ""), after.get(name, "")) for name in names}


def explain(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Why two recipes differ, in words: 'frames 13 → 16; follows decode'."""
    reasons = []
    before, after = old.get("params", {}), new.get("params", {})
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            reasons.append(f"{key} {_value(before.get(key))} → {_value(after.get(key))}")
    reasons += [
        f"{key} changed" for key in sorted({*old, *new}) if key.startswith("file of ") and old.get(key) != new.get(key)
    ]
    for key, word in (("uses", "uses"), ("step", "step"), ("weights", "weights")):
        if old.get(key) != new.get(key):
            reasons.append(f"{word} {_value(old.get(key))} → {_value(new.get(key))}")
    if old.get("decoder") != new.get("decoder"):
        reasons.append(f"decoder {_versions(old.get('decoder'))} → {_versions(new.get('decoder'))}")
    if modules := changed_code(old, new):
        reasons.append(f"code of {', '.join(modules)} changed")
    sources, now = old.get("from", {}), new.get("from", {})
    reasons += [f"now reads {name}" for name in now if name not in sources]
    reasons += [f"no longer reads {name}" for name in sources if name not in now]
    reasons += [f"follows {name}" for name in now if name in sources and sources[name] != now[name]]
    reasons += [
        f"{key} changed" for key in sorted({*old, *new}) if key.startswith("joint ") and old.get(key) != new.get(key)
    ]
    reasons += [
        f"order of {side} features changed"
        for side in ("video", "text")
        if old.get(side) != new.get(side) and sorted(old.get(side, [])) == sorted(new.get(side, []))
    ]
    return "; ".join(reasons) or "made by an unknown configuration"


def _value(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:12] + "…"


def _versions(decoder: dict[str, str] | None) -> str:
    return " ".join(f"{name} {version}" for name, version in (decoder or {}).items()) or "nothing"


def absent(graph: Graph, plans: list[Planned]) -> dict[str, str]:
    """{stage: weights} that a run would have to fetch first."""
    found = {}
    for plan in plans:
        stage = graph.stages[plan.stage]
        name = stage.params.get("weights")
        entry = lookup.entry_of(graph, name) if name else None
        if plan.todo and entry and not stage.borrowed and lookup.fetchable(entry):
            found[stage.name] = entry.name
    return found


def table(plans: list[Planned], random: list[str], missing: dict[str, str]) -> str:
    """The plan for a terminal; `missing` as `absent` gives it."""
    width = max(len(plan.stage) for plan in plans)
    rows = [f"{'stage':{width}}  {'shards':>6}  {'cached':>6}  {'stale':>6}  {'missing':>7}  why"]
    for plan in plans:
        line = plan.summary()
        rows.append(
            f"{plan.stage:{width}}  {line['shards']:6}  {line['cached']:6}  {line['stale']:6}  {line['missing']:7}  "
            + "; ".join(dict.fromkeys(part for reason in plan.reasons for part in reason.split("; ")))
        )
    if by_code := [plan for plan in plans if plan.only_code]:
        modules = dict.fromkeys(module for plan in by_code for module in plan.by_code)
        rows.append(
            f"stale only because code changed ({', '.join(map(source_name, modules))}): "
            f"{', '.join(plan.stage for plan in by_code)}; `laff accept STAGE…` keeps what was made"
        )
    if random:
        rows.append(f"RANDOM WEIGHTS in {', '.join(random)}: good for trying out, not for results")
    if missing:
        rows.append(f"weights to be fetched first: {', '.join(f'{name} ({stage})' for stage, name in missing.items())}")
    return "\n".join(rows)
