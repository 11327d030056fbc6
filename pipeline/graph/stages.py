"""Read stages.yaml into a graph of stages, or list everything that is wrong with it."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pipeline import yamls
from pipeline.errors import LaffError, did_you_mean, problems
from pipeline.graph import aggregators, inherited, published, settings
from pipeline.graph.graph import DEVICES, FILLED, STEPS, Graph, Plugged, Stage, Weights, module_of
from pipeline.parts.binding import bind
from pipeline.parts.classes import Part, part, plugged
from pipeline.parts.code import ROOT, PartError

KEYS = ("step", "uses", "from", "params", "on")
SINGLE = {"ingest", "decode", "rank", "evaluate", "report"}  # steps of which a graph has one
READS = {"rank": "train", "evaluate": "rank", "report": "evaluate"}  # steps that read one stage of a given step
COMPUTING = ("finetune", "extract", "train")  # steps that can use a GPU
NAME = "letters, digits and -"


def default_path() -> Path:
    """The stages.yaml of the current folder, else the project's own."""
    here = Path("stages.yaml")
    return here if here.is_file() else ROOT / "stages.yaml"


def load(
    path: Path | None = None, profile: str | None = None, sets: Sequence[str] = (), trusted: Sequence[str] = ()
) -> Graph:
    """The graph of a stages file with a profile and `stage.param=value` settings; LaffError lists all mistakes."""
    path = path or default_path()
    whole = yamls.load(path)
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
    found += _source_problems(stages) + _train_problems(stages)
    if found:
        raise problems(str(path), found)
    return Graph(stages, weights, threads, path, profile, frozenset(trusted))


def names(path: Path | None = None) -> list[str]:
    """The stage names of a file, unchecked: for the list of commands, which must come up fast and in any state."""
    try:
        whole = yamls.load(path or default_path())
        return [str(name) for name in whole["stages"]]
    except (LaffError, TypeError, KeyError):
        return []


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
    step = entry.get("step")
    if step not in STEPS:
        found.append(
            f"'{name}' has the unknown step {step!r}{did_you_mean(str(step), STEPS)} (known: {', '.join(STEPS)})"
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
    step, uses, given = entry.get("step"), entry.get("uses"), dict(entry["params"])
    sources = tuple(s for s in dict.fromkeys(_sources(entry)) if s in before)
    on = entry.get("on", "auto")
    if on not in DEVICES:
        found.append(f"'{name}': on is {on!r}; it should be one of {', '.join(DEVICES)}")
    elif on != "auto" and step in STEPS and step not in COMPUTING:
        found.append(f"'{name}': on: {on} has no effect on step '{step}'; it computes on the CPU")
    if step not in STEPS:
        return Stage(name, str(step), sources=sources)
    described: Part | None = None
    params: dict[str, Any] = {}
    aggregator: Plugged | None = None
    try:
        options_part = part(f"pipeline.steps.{module_of(step)}.Options")
        mine = {key: value for key, value in given.items() if key in options_part.parameters}
        rest = {key: value for key, value in given.items() if key not in options_part.parameters}
        options, wrong = bind(mine, options_part.parameters)
        found += [f"'{name}': {problem}" for problem in wrong]
        if uses is None and step == "extract":
            fitters = [before[s] for s in sources if before[s].step == "finetune"]
            if not fitters:
                found.append(f"'{name}' names no part: add `uses:`, or read from a finetune stage")
            else:
                described = fitters[0].part
                params, wrong = inherited.from_fitter(fitters[0], rest, list(options_part.parameters))
                aggregator = fitters[0].aggregator
                wrong += aggregators.borrowed(name, fitters[0], params)
                found += [f"'{name}': {problem}" for problem in wrong]
        elif uses is None and step in ("finetune", "train"):
            found.append(f"'{name}' names no part: step '{step}' needs `uses:`")
        elif uses is not None:
            described = plugged(str(uses), trusted)
            wanted = {k: v for k, v in described.parameters.items() if k not in FILLED}
            filled, wrong = inherited.from_weights(rest, described, weights, trusted)
            found += [f"'{name}': {problem}" for problem in wrong]
            params, wrong = bind(filled, wanted)
            unknown = [p for p in wrong if p.startswith("unknown")]
            hints = {k: did_you_mean(k, [*wanted, *options_part.parameters]) for k in rest if k not in wanted}
            wrong = [p for p in wrong if p not in unknown]
            wrong += [f"unknown parameter '{key}'{hint}" for key, hint in hints.items()]
            found += [f"'{name}' cannot use {uses}: {problem}" for problem in wrong]
        if step == "finetune" and described:
            aggregator, wrong = aggregators.read(options, params, described, trusted)
            found += [f"'{name}': {problem}" for problem in wrong]
        if step == "extract" and (uses is not None or options.get("fit")):
            wrong = _bind_fit(options, described if uses is not None else None)
            found += [f"'{name}': {problem}" for problem in wrong]
        if uses is None and step != "extract":
            for key in rest:
                found.append(f"'{name}': unknown parameter '{key}'{did_you_mean(key, list(options_part.parameters))}")
    except PartError as error:
        found.append(f"'{name}' cannot use {uses}: {error}")
        return Stage(name, step, str(uses), sources)
    stage = Stage(name, step, uses, sources, params, options, on, described, aggregator)
    if step == "extract" and described and not stage.sides:
        found.append(f"'{name}' cannot use {uses}: the class says no `sides` (as ('video',) or ('text',))")
    return stage


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
        wanted = READS.get(stage.step)
        if wanted and [stages[source].step for source in stage.sources] != [wanted]:
            names = ", ".join(stage.sources) or "nothing"
            found.append(f"'{stage.name}' reads {names}; step '{stage.step}' reads one stage of step '{wanted}'")
        waiting, steps = list(stage.sources), set()
        while waiting:
            source = stages[waiting.pop()]
            steps.add(source.step)
            waiting += source.sources
        looks = stage.step == "finetune" or (stage.step == "extract" and "video" in stage.sides)
        if looks and "decode" not in steps:
            found.append(f"'{stage.name}' works on videos, so its from should lead to a stage of step 'decode'")
    return found


def _train_problems(stages: Mapping[str, Stage]) -> list[str]:
    found = []
    for stage in stages.values():
        if stage.step != "train":
            continue
        sides = {source: stages[source].sides for source in stage.sources}
        broken = [s for s in sides if stages[s].step == "extract" and not sides[s]]  # said already
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
    steps = [stage.step for stage in stages.values()]
    found += [
        f"{steps.count(step)} stages have step '{step}'; one is allowed"
        for step in sorted(SINGLE)
        if steps.count(step) > 1
    ]
    return found
