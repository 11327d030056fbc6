"""Which units are cached, stale or missing, and why."""

from pipeline.graph.graph import Graph, Stage
from pipeline.parts.code import source_name
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.differences import changed_code, explain, only_code
from pipeline.plan.planned import Planned
from pipeline.plan.units import Unit
from pipeline.store.verify import DAMAGED
from pipeline.weights import lookup
from pipeline.wording import number_of


def stage_plan(context: Context, name: str) -> Planned:
    """The state of a stage: which of its units the workspace has, and which are stale or missing, and why."""
    stage = context.stage(name)
    if own_state := getattr(steps.module(stage), "state", None):
        state: Planned = own_state(context, stage)
        return state
    planned = Planned(name)
    if stage.packed and context.graph.package:
        planned.reasons.append(f"learned as package {context.graph.package.name} holds it")
    index = context.work.index(name)
    for unit in steps.units(context, name):
        entry = index.entry(unit.key)
        if entry is None:
            planned.missing.append(unit)
            aside = any((index.folder / f"{name}{DAMAGED}").is_file() for name in unit.makes)
            reason = "damaged, and set aside by `laff verify`" if aside else "not made yet"
        elif unit.fingerprint not in (entry.fingerprint, entry.accepted):
            planned.stale.append(unit)
            planned.outdated.append(unit)
            old = index.recipes.get(entry.fingerprint, {})
            reason = explain(old, unit.recipe)
            if entry.content == unit.content and only_code(old, unit.recipe) and not stage.about.tells:
                planned.by_code |= {module: None for module in changed_code(old, unit.recipe)}
                planned.acceptable.append(unit)
        elif entry.content != unit.content:
            planned.stale.append(unit)
            reason = _content_reason(context, stage, unit)
        elif context.retry and entry.failed:
            planned.stale.append(unit)
            reason = f"{number_of(entry.failed, 'failed videos')} to be tried again"
        else:
            planned.cached.append(unit)
            continue
        if reason not in planned.reasons:
            planned.reasons.append(reason)
    return planned


def _content_reason(context: Context, stage: Stage, unit: Unit) -> str:
    if context.catalog.unread:  # without its table a workspace does not know what was read
        return "not known before the videos have been read"
    if unit.shard < 0:
        named = [param for param in stage.about.starts if stage.options.get(param)]
        return stage.about.stale + "".join(f", or what {param} names" for param in named)
    items = "videos" if unit.side == "video" else "captions"
    return f"its {items} changed, or those that an earlier stage learned from"


def absent(graph: Graph, plans: list[Planned]) -> dict[str, str]:
    """{stage: weights} that a run has to download first."""
    weights = {}
    for plan in plans:
        stage = graph.stages[plan.stage]
        names = [stage.params.get(param) or "" for param in ("weights", *stage.further)]
        to_fetch = [entry.name for name in names if (entry := lookup.entry_of(graph, name)) and lookup.fetchable(entry)]
        if plan.todo and to_fetch and not stage.borrowed:
            weights[stage.name] = ", ".join(to_fetch)
    return weights


def remarks(plans: list[Planned], random: list[str], missing: dict[str, str]) -> list[str]:
    """What a person should know of a plan besides its stages, a line each; `missing`: what `absent` gives."""
    lines = []
    if by_code := [plan for plan in plans if plan.only_code]:
        modules = dict.fromkeys(module for plan in by_code for module in plan.by_code)
        lines.append(
            f"stale only because code changed ({', '.join(map(source_name, modules))}): "
            f"{', '.join(plan.stage for plan in by_code)}; `laff accept STAGE…` keeps what was made"
        )
    if random:
        lines.append(f"RANDOM WEIGHTS in {', '.join(random)}: good for trying out, not for results")
    if missing:
        lines.append(
            f"weights to be fetched first: {', '.join(f'{name} ({stage})' for stage, name in missing.items())}; "
            "their sizes are not published"
        )
    return lines
