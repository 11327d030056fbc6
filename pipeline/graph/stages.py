"""Read stages.yaml into a graph of stages, or list everything that is wrong with it."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pipeline.errors import LaffError, did_you_mean, problems
from pipeline.graph import aggregators, inherited, published, settings, steps
from pipeline.graph.graph import DEVICES, FILLED, Graph, Plugged, Stage, Weights
from pipeline.graph.stages_file import StagesFile
from pipeline.graph.steps import Step
from pipeline.parts.binding import bind
from pipeline.parts.classes import Part, part, plugged
from pipeline.parts.code import PartError

KEYS = ("step", "uses", "from", "params", "on")
NAME = "letters, digits and -"


def load(
    file: Path | StagesFile | None = None,
    profile: str | None = None,
    sets: Sequence[str] = (),
    trusted: Sequence[str] = (),
) -> Graph:
    """The graph of a stages file with a profile and `stage.param=value` settings; LaffError lists all mistakes."""
    file = file if isinstance(file, StagesFile) else StagesFile(file)
    path, whole = file.path, deepcopy(file.content)  # a copy: profiles and settings change it
    if not isinstance(whole, dict) or not isinstance(whole.get("stages"), dict):
        raise LaffError(f"{path}: has no 'stages:' mapping; see the README for its form")
    found: list[str] = []
    for key in whole:
        if key not in ("threads", "weights", "profiles", "stages"):
            found.append(f"unknown key '{key}'{did_you_mean(str(key), ['threads', 'weights', 'profiles', 'stages'])}")
    for key in ("weights", "profiles"):
        if not isinstance(whole.get(key) or {}, dict):
            found.append(f"{key}: should be a mapping, not {whole[key]!r}")
            whole[key] = {}
    threads = whole.get("threads", 2)
    if not isinstance(threads, int) or threads < 1:
        found.append(f"threads: {threads!r} should be a whole number above 0")
    raw = _entries(whole["stages"], found)
    for name, entry in raw.items():
        found += _misspelt(name, entry)
    settings.apply_profile(raw, whole.get("profiles") or {}, profile, sets, found)
    for text in sets:
        settings.apply_setting(raw, text, found)
    weights = published.entries(whole.get("weights") or {}, found, frozenset(trusted))
    order = _order(raw, found)
    stages: dict[str, Stage] = {}
    for name in order:
        stages[name] = _stage(name, raw[name], stages, weights, frozenset(trusted), found)
    found += _source_problems(stages) + _fusing_problems(stages)
    if found:
        raise problems(str(path), found)
    return Graph(stages, weights, threads, path, profile, frozenset(trusted))


def _entries(raw: Mapping[Any, Any], found: list[str]) -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = {}
    for name, entry in raw.items():
        name = str(name)
        if not name.replace("-", "").isalnum() or not name.isascii() or name.startswith("-"):
            found.append(f"stage name {name!r} should be made of {NAME}: it is a folder and a command")
        elif not isinstance(entry, dict):
            found.append(f"'{name}' should be a mapping with {', '.join(KEYS)}")
        else:
            entry = dict(entry)
            if not isinstance(entry.get("params") or {}, dict):
                found.append(f"'{name}': params should be a mapping, not {entry['params']!r}")
                entry["params"] = {}
            entry["params"] = dict(entry.get("params") or {})
            entries[name] = entry
    return entries


def _misspelt(name: str, entry: Mapping[str, Any]) -> list[str]:
    found = [f"'{name}' has an unknown key '{key}'{did_you_mean(str(key), KEYS)}" for key in entry if key not in KEYS]
    step, known = entry.get("step"), steps.names()
    if step not in known:
        found.append(
            f"'{name}' has the unknown step {step!r}{did_you_mean(str(step), known)} (known: {', '.join(known)})"
        )
    return found


def _sources(entry: Mapping[str, Any]) -> list[str]:
    value = entry.get("from") or []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _order(raw: dict[str, dict[str, Any]], found: list[str]) -> list[str]:
    edges: dict[str, list[str]] = {}
    for name, entry in raw.items():
        edges[name] = []
        for source in dict.fromkeys(_sources(entry)):
            if source in raw:
                edges[name].append(source)
            else:
                found.append(f"'{name}' reads '{source}', which no stage makes{did_you_mean(source, list(raw))}")
    try:
        return list(TopologicalSorter(edges).static_order())
    except CycleError as error:
        found.append("stages form a loop: " + " -> ".join(reversed(error.args[1])))
        return []


def _stage(
    name: str,
    entry: dict[str, Any],
    before: dict[str, Stage],
    weights: dict[str, Weights],
    trusted: frozenset[str],
    found: list[str],
) -> Stage:
    word, uses = str(entry.get("step")), entry.get("uses")
    sources = tuple(s for s in dict.fromkeys(_sources(entry)) if s in before)
    on = entry.get("on", "auto")
    if on not in DEVICES:
        found.append(f"'{name}': on is {on!r}; it should be one of {', '.join(DEVICES)}")
    if word not in steps.names():  # told already
        return Stage(name, word, sources=sources)
    try:
        step = steps.about(word)
        if on in DEVICES and on != "auto" and not step.computes:
            found.append(f"'{name}': on: {on} has no effect on step '{word}'; it computes on the CPU")
        mine = {key: value for key, value in entry["params"].items() if key in step.parameters}
        rest = {key: value for key, value in entry["params"].items() if key not in step.parameters}
        options, wrong = bind(mine, step.parameters)
        found += [f"'{name}': {problem}" for problem in wrong]
        if uses is None:
            plug = _lent(name, step, [before[source] for source in sources], rest, found)
        else:
            plug = _plugged(name, str(uses), step, rest, weights, trusted, found)
        if "aggregate" in step.parameters and plug.part:
            plug.aggregator, wrong = aggregators.read(options, plug.params, plug.part, trusted)
            found += [f"'{name}': {problem}" for problem in wrong]
        if "fit" in step.parameters and (uses is not None or options.get("fit")):
            wrong = _bind_fit(options, plug.part if uses is not None else None)
            found += [f"'{name}': {problem}" for problem in wrong]
    except PartError as error:
        found.append(f"'{name}' cannot use {uses or f'step {word}'}: {error}")
        return Stage(name, word, uses and str(uses), sources)
    stage = Stage(name, word, uses, sources, plug.params, options, on, plug.part, plug.aggregator, plug.lender)
    if step.rows == "part" and plug.part and not stage.sides:
        found.append(f"'{name}' cannot use {uses}: the class says no `sides` (as ('video',) or ('text',))")
    return stage


@dataclass
class _Plug:
    """What a stage works with."""

    part: Part | None = None
    params: dict[str, Any] = field(default_factory=dict)
    aggregator: Plugged | None = None
    lender: str = ""


def _lent(name: str, step: Step, sources: Sequence[Stage], given: dict[str, Any], found: list[str]) -> _Plug:
    """The part of a stage that names none: that of a stage that it reads, where its step borrows."""
    # BORROWS names a step, so this asks which of the sources is of it.
    lender = next((source for source in sources if step.borrows and source.step == step.borrows), None)
    if lender is not None:
        params, wrong = inherited.from_fitter(lender, given, list(step.parameters))
        wrong += aggregators.borrowed(name, lender, params)
        found += [f"'{name}': {problem}" for problem in wrong]
        return _Plug(lender.part, params, lender.aggregator, lender.name)
    if step.borrows:
        found.append(f"'{name}' names no part: add `uses:`, or read from a {step.borrows} stage")
        return _Plug()
    if step.uses:
        found.append(f"'{name}' names no part: step '{step.name}' needs `uses:`")
    for key in given:
        found.append(f"'{name}': unknown parameter '{key}'{did_you_mean(key, list(step.parameters))}")
    return _Plug()


def _plugged(
    name: str,
    uses: str,
    step: Step,
    given: dict[str, Any],
    weights: dict[str, Weights],
    trusted: frozenset[str],
    found: list[str],
) -> _Plug:
    """The part that a stage names, its params bound."""
    described = plugged(uses, trusted)
    wanted = {k: v for k, v in described.parameters.items() if k not in FILLED}
    filled, wrong = inherited.from_weights(given, described, weights, trusted)
    found += [f"'{name}': {problem}" for problem in wrong]
    params, wrong = bind(filled, wanted)
    hints = {k: did_you_mean(k, [*wanted, *step.parameters]) for k in given if k not in wanted}
    wrong = [problem for problem in wrong if not problem.startswith("unknown")]
    wrong += [f"unknown parameter '{key}'{hint}" for key, hint in hints.items()]
    found += [f"'{name}' cannot use {uses}: {problem}" for problem in wrong]
    return _Plug(described, params)


def _bind_fit(options: dict[str, Any], described: Part | None) -> list[str]:
    """Complete the `fit:` of a part that is trained; a part that is not has none."""
    given = options.get("fit") or {}
    if described is None or "task" not in described.methods or "fit" in described.methods:
        return ["fit: its part is not trained step by step, so there is nothing to set"] if given else []
    options["fit"], wrong = bind(given, part("pipeline.graph.recipe.Fit").parameters)
    return [f"fit: {problem}" for problem in wrong]


def _source_problems(stages: Mapping[str, Stage]) -> list[str]:
    """Stages that don't read what their step works on."""
    found = []
    for stage in stages.values():
        wanted = stage.about.reads
        if wanted and tuple(stages[source].step for source in stage.sources) != wanted:
            names, steps_ = ", ".join(stage.sources) or "nothing", " and one of ".join(f"step '{s}'" for s in wanted)
            found.append(f"'{stage.name}' reads {names}; step '{stage.step}' reads one stage of {steps_}")
        waiting, read = list(stage.sources), set()
        while waiting:
            source = stages[waiting.pop()]
            read.add(source.step)
            waiting += source.sources
        after = stage.about.after
        if after and stage.decodes and after not in read:
            found.append(f"'{stage.name}' works on videos, so its from should lead to a stage of step '{after}'")
    return found


def _fusing_problems(stages: Mapping[str, Stage]) -> list[str]:
    """Stages that fuse features and read none of a side, or name encoders that are none; steps that stand too often."""
    found = []
    for stage in stages.values():
        if not stage.about.fuses:
            continue
        sides = {source: stages[source].sides for source in stage.sources}
        broken = [s for s in sides if stages[s].about.rows == "part" and not sides[s]]  # said already
        found += [
            f"'{stage.name}' reads '{s}', which makes no features" for s in sides if not sides[s] and s not in broken
        ]
        for side in ("video", "text"):
            if not broken and not any(side in kinds for kinds in sides.values()):
                found.append(f"'{stage.name}' reads no {side} feature")
        for encoder in stage.options.get("joint", []):
            if encoder not in stage.sources:
                found.append(f"'{stage.name}': joint names '{encoder}', which is not in its from")
            elif "encoder" not in (stages[encoder].part or Part("")).methods:
                found.append(f"'{stage.name}': '{encoder}' has no encoder that could be trained inside the model")
    words = [stage.step for stage in stages.values()]
    found += [
        f"{words.count(word)} stages have step '{word}'; one is allowed"
        for word in sorted(set(words))
        if words.count(word) > 1 and word in steps.names() and steps.about(word).single
    ]
    return found
