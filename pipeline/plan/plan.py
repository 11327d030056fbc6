"""Which units are cached, stale or missing, and why."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipeline.graph.graph import Graph
from pipeline.plan.context import Context
from pipeline.plan.units import Unit, units
from pipeline.weights import lookup


@dataclass
class Planned:
    """The state of one stage."""

    stage: str
    cached: list[Unit] = field(default_factory=list)
    stale: list[Unit] = field(default_factory=list)
    missing: list[Unit] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def todo(self) -> list[Unit]:
        """Units to be made, in order."""
        return self.missing + self.stale if not self.stale else sorted(self.missing + self.stale, key=_order)

    @cached_property
    def unfinished(self) -> dict[str, Unit]:
        """Key -> unit that is still to be made; `record` takes out what is finished."""
        return {unit.key: unit for unit in self.todo}

    def summary(self) -> dict[str, Any]:
        """The stage's line of `laff plan --json`."""
        counts = {"cached": len(self.cached), "stale": len(self.stale), "missing": len(self.missing)}
        return {"stage": self.stage, "shards": sum(counts.values()), **counts, "reasons": self.reasons}


def _order(unit: Unit) -> tuple[bool, str]:
    return unit.key != "fit", unit.key  # a fit comes before the shards made with it


def stage_plan(context: Context, name: str) -> Planned:
    """The state of a stage's units against the workspace."""
    planned = Planned(name)
    index = context.work.index(name)
    for unit in units(context, name):
        entry = index.entry(unit.key)
        if entry is None:
            planned.missing.append(unit)
            reason = "not made yet"
        elif entry.fingerprint != unit.fingerprint:
            planned.stale.append(unit)
            reason = explain(index.recipes.get(entry.fingerprint, {}), unit.recipe)
        elif entry.content != unit.content:
            planned.stale.append(unit)
            reason = _content_reason(context, name, unit)
        elif context.retry and entry.failed:
            planned.stale.append(unit)
            reason = f"{len(entry.failed)} failed video(s) to be tried again"
        else:
            planned.cached.append(unit)
            continue
        if reason not in planned.reasons:
            planned.reasons.append(reason)
    return planned


def _content_reason(context: Context, name: str, unit: Unit) -> str:
    step = context.stage(name).step
    if unit.shard >= 0:
        items = "videos" if unit.side == "video" else "captions"
        return f"its {items} changed, or those that an earlier stage learned from"
    if unit.key == "fit" and step == "extract":
        return "the captions or videos that it learns from changed"
    return {
        "rank": "the test split changed, or what the models learned from",
        "evaluate": "the runs changed",
        "report": "the results changed",
    }.get(step, "the train or val split changed")


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
    code = [
        m
        for m in sorted({*old.get("code", {}), *new.get("code", {})})
        if old.get("code", {}).get(m) != new.get("code", {}).get(m)
    ]
    if code:
        reasons.append(f"code of {', '.join(code)} changed")
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
    if random:
        rows.append(f"RANDOM WEIGHTS in {', '.join(random)}: good for trying out, not for results")
    if missing:
        rows.append(f"weights to be fetched first: {', '.join(f'{name} ({stage})' for stage, name in missing.items())}")
    return "\n".join(rows)
