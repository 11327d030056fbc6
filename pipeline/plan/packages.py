"""Packages that stages need and that are not installed here: told before work begins, with a way to do without."""

import shlex
from collections.abc import Collection, Iterable
from importlib.util import find_spec

from pipeline.errors import Missing
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.options import ModelOptions, ModelTraining
from pipeline.plan.planned import Planned
from pipeline.plan.units import FIT

PYAV = "pyav"  # the decoder that every look at a video needs, so that its lack shows by itself


def lacking(graph: Graph, names: Iterable[str]) -> dict[str, list[str]]:
    """{module that is not installed: the stages among `names` whose class needs it}."""
    modules: dict[str, list[str]] = {}
    for name in names:
        for module in _needed(graph.stages[name]):
            if find_spec(module.partition(".")[0]) is None:
                modules.setdefault(module, []).append(name)
    return modules


def _needed(stage: Stage) -> list[str]:
    """The modules that a stage's class needs, for the params that it is given; none if another stage has its class."""
    if not stage.part or stage.borrowed:
        return []
    return [module for module, sparing in stage.part.member("NEEDS").items() if not stage.params.get(sparing)]


def lacking_for(graph: Graph, states: Iterable[Planned]) -> dict[str, list[str]]:
    """`lacking` for the work that is left: a class that learns needs its packages only while it does."""
    left = [state for state in states if state.todo]
    learned = {s.stage for s in left if graph.stages[s.stage].fitted and all(unit.key != FIT for unit in s.todo)}
    return lacking(graph, [state.stage for state in left if state.stage not in learned])


def problems(graph: Graph, states: Collection[Planned], names: Collection[str]) -> list[str]:
    """A sentence for each package that the work which is left lacks; names: all stages that are wanted."""
    modules = lacking_for(graph, states)
    settings, dropped = leaving_out(graph, [name for stages in modules.values() for name in stages], names)
    options = " ".join(f"--set {shlex.quote(text)}" for text in settings)
    instead = f", or go without {' and '.join(dropped)}: {options}" if settings else ""
    return [f"{Missing(module, *stages)}{instead}" for module, stages in modules.items()]


def remarks(graph: Graph, states: Collection[Planned], names: Collection[str]) -> list[str]:
    """The same for a plan, and the decoder that is to read videos, where it is not installed."""
    readers = {graph.decoder(state.stage) for state in states if state.todo} - {PYAV}
    absent = [reader for reader in sorted(readers) if find_spec(reader) is None]
    texts = [str(Missing(reader, f"decoder={reader} of the decode step")) for reader in absent]
    return [*texts, *problems(graph, states, names)]


def leaving_out(graph: Graph, stages: Collection[str], names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Settings with which the fusing stages among `names` need none of `stages`; and the features that they drop.

    No settings where a side would be left without features.
    """
    settings: list[str] = []
    dropped: dict[str, None] = {}
    for stage in (graph.stages[name] for name in names if graph.stages[name].about.fuses):
        kept = [source for source in stage.sources if not set(graph.needed([source])).intersection(stages)]
        if {side for source in kept for side in graph.stages[source].sides} != {"video", "text"}:
            return [], []
        if len(kept) < len(stage.sources):
            settings.append(f"{stage.name}.from=[{', '.join(kept)}]")
            joint, rates = stage.options_as(ModelOptions).joint, stage.options_as(ModelTraining).joint_rates
            if set(joint) - set(kept):
                settings.append(f"{stage.name}.joint=[{', '.join(name for name in joint if name in kept)}]")
            if set(rates) - set(kept):
                said = ", ".join(f"{name}: {rate}" for name, rate in rates.items() if name in kept)
                settings.append(f"{stage.name}.joint_rates={{{said}}}")
            dropped |= dict.fromkeys(source for source in stage.sources if source not in kept)
    return settings, list(dropped)
