"""Read stages.yaml into a graph of stages, or list everything that is wrong with it."""

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pipeline.errors import LaffError, Problems, did_you_mean
from pipeline.graph import published, settings, step_facts, towards
from pipeline.graph.entry import sources_of, stage_of
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.options import MOST_THREADS, ModelOptions
from pipeline.graph.stages_file import Entries, Entry, StagesFile
from pipeline.parts.classes import Part
from pipeline.parts.code import PartError

KEYS = ("step", "uses", "from", "params", "on")
NAME = "letters, digits, - and _"
VERBS = (  # commands of ours, among them the folders below a workspace: a stage is both a command and a folder
    *("index", "run", "plan", "accept", "demo", "search", "runs", "show", "failures", "weights", "compare"),
    *("reproduce", "score", "analyze", "verify", "gc", "package", "prepare", "import", "export", "config", "diff"),
    *("completion", "serve"),
)
FIRST_RUN = "main"  # what `--name` calls the run that stands in the workspace itself


def load(
    file: Path | StagesFile | None = None,
    profile: str | None = None,
    sets: Sequence[str] = (),
    trusted: Sequence[str] = (),
) -> Graph:
    """The graph of a stages file with a profile and `stage.param=value` settings; LaffError lists all mistakes.

    The error names the profile and the settings where the file alone has none of these mistakes.
    """
    file = file if isinstance(file, StagesFile) else StagesFile(file)
    graph, mistakes = read(file, profile, sets, trusted)
    if mistakes:
        raise Problems(mistakes).error(_origin(file, profile, sets, trusted, mistakes))
    return graph


def _origin(
    file: StagesFile, profile: str | None, sets: Sequence[str], trusted: Sequence[str], mistakes: Sequence[str]
) -> str:
    """Where mistakes come from, for a message: the file, or the file with its profile and settings."""
    options = [*([f"--profile {profile}"] if profile else []), *(f"--set {text}" for text in sets)]
    if not options or set(mistakes) & set(read(file, None, (), trusted)[1]):
        return str(file.path)
    return f"{file.path} with {' '.join(options)}"


def read(
    file: StagesFile, profile: str | None = None, sets: Sequence[str] = (), trusted: Sequence[str] = ()
) -> tuple[Graph, list[str]]:
    """The graph, as far as it can be read, and all that is wrong with it; LaffError where the file has no stages."""
    path, whole = file.path, deepcopy(file.content)  # a copy: profiles and settings change it
    if not isinstance(whole, dict) or not isinstance(whole.get("stages"), dict):
        raise LaffError(f"{path}: has no 'stages:' mapping; see the README for its form")
    problems = Problems()
    for key in whole:
        if key not in ("threads", "weights", "profiles", "stages"):
            problems.add(f"unknown key '{key}'{did_you_mean(str(key), ['threads', 'weights', 'profiles', 'stages'])}")
    for key in ("weights", "profiles"):
        if not isinstance(whole.get(key) or {}, dict):
            problems.add(f"{key}: should be a mapping, not {whole[key]!r}")
            whole[key] = {}
    threads = whole.get("threads", 2)
    if not isinstance(threads, int) or isinstance(threads, bool) or not 1 <= threads <= MOST_THREADS:
        problems.add(f"threads: {threads!r} should be a whole number of CPU threads, 1 to {MOST_THREADS}")
    raw = _entries(whole["stages"], problems)
    for name, entry in raw.items():
        problems.extend(_misspelt(name, entry))
    settings.apply_profile(raw, whole.get("profiles") or {}, profile, sets, problems)
    for text in sets:
        settings.apply_setting(raw, text, problems)
    weights = published.entries(whole.get("weights") or {}, problems, frozenset(trusted))
    with suppress(PartError):  # the file of a step cannot be read: reported below
        towards.complete(raw, frozenset(trusted))
    order = _order(raw, problems)
    stages: dict[str, Stage] = {}
    for name in order:
        stages[name] = stage_of(name, raw[name], stages, weights, frozenset(trusted), problems)
    with suppress(PartError):  # the file of a step cannot be read: reported above
        lost = {name for name, entry in raw.items() if any(source not in raw for source in sources_of(entry))}
        problems.extend(_source_problems(stages) + _fusing_problems(stages, lost))
    return Graph(stages, weights, threads, path, profile, frozenset(trusted)), list(problems)


def _entries(raw: Mapping[Any, Any], problems: Problems) -> Entries:
    entries: Entries = {}
    for name, entry in raw.items():
        name = str(name)
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            problems.add(
                f"stage name {name!r} should be made of {NAME}, a letter or digit first: it is a folder and a command"
            )
            continue
        if name in (*VERBS, FIRST_RUN):
            what = "a command" if name in VERBS else "the first run"
            problems.add(f"'{name}' is the name of {what} of laff; call the stage something else, such as my-{name}")
        if not isinstance(entry, dict):
            problems.add(f"'{name}' should be a mapping with {', '.join(KEYS)}")
        else:
            entry = dict(entry)
            if not isinstance(entry.get("params") or {}, dict):
                problems.add(f"'{name}': params should be a mapping, not {entry['params']!r}")
                entry["params"] = {}
            entry["params"] = dict(entry.get("params") or {})
            entries[name] = entry
    return entries


def _misspelt(name: str, entry: Entry) -> list[str]:
    mistakes = [
        f"'{name}' has an unknown key '{key}'{did_you_mean(str(key), KEYS)}" for key in entry if key not in KEYS
    ]
    step, known = entry.get("step"), step_facts.names()
    if step not in known:
        mistakes.append(
            f"'{name}' has the unknown step {step!r}{did_you_mean(str(step), known)} (known: {', '.join(known)})"
        )
    return mistakes


def _order(raw: Entries, problems: Problems) -> list[str]:
    edges: dict[str, list[str]] = {}
    for name, entry in raw.items():
        edges[name] = []
        with suppress(PartError):  # reported when the entry is read
            edges[name] += [stage for stage in _named(entry) if stage in raw and stage not in sources_of(entry)]
        for source in dict.fromkeys(sources_of(entry)):
            if source in raw:
                edges[name].append(source)
            else:
                hint = f"; several are written [{source}]" if "," in source else did_you_mean(source, list(raw))
                problems.add(f"'{name}' reads '{source}', which no stage makes{hint}")
    try:
        return list(TopologicalSorter(edges).static_order())
    except CycleError as error:
        problems.add("stages form a loop: " + " -> ".join(reversed(error.args[1])))
        return []


def _named(entry: Entry) -> list[str]:
    """The stages that an entry's params name, besides those in `from`."""
    params = step_facts.about(str(entry.get("step"))).names_more
    return list(dict.fromkeys(name for param in params for name in step_facts.named(entry["params"].get(param))))


def _source_problems(stages: Mapping[str, Stage]) -> list[str]:
    """Problems of stages that do not read what their step works on."""
    mistakes = []
    for stage in stages.values():
        wanted, more = stage.about.reads, stage.about.may_read
        read_steps = tuple(stages[source].step for source in stage.sources)
        if wanted and read_steps not in (wanted, wanted + more):
            names, steps_ = ", ".join(stage.sources) or "nothing", " and one of ".join(f"step '{s}'" for s in wanted)
            also = f", and may read one of '{more[0]}' behind it" if more else ""
            mistakes.append(f"'{stage.name}' reads {names}; step '{stage.step}' reads one stage of {steps_}{also}")
        waiting, read = list(stage.sources), set()
        while waiting:
            source = stages[waiting.pop()]
            read.add(source.step)
            waiting += source.sources
        after = stage.about.after
        if after and stage.decodes and after not in read:
            mistakes.append(f"'{stage.name}' works on videos, so its from should lead to a stage of step '{after}'")
    return mistakes


def _fusing_problems(stages: Mapping[str, Stage], lost: Collection[str]) -> list[str]:
    """Problems of stages that fuse features: a side without features, encoders that are none. And steps used twice.

    lost: stages whose `from` names unknown stages. That is reported already, and explains a missing side.
    """
    mistakes = []
    for stage in stages.values():
        if not stage.about.fuses:
            continue
        sides = {source: stages[source].sides for source in stage.sources}
        broken = [s for s in sides if stages[s].about.rows == "part" and not sides[s]]  # reported already
        mistakes += [
            f"'{stage.name}' reads '{s}', which makes no features" for s in sides if not sides[s] and s not in broken
        ]
        for side in ("video", "text"):
            if not broken and stage.name not in lost and not any(side in kinds for kinds in sides.values()):
                mistakes.append(f"'{stage.name}' reads no {side} feature")
        for encoder in stage.options_as(ModelOptions).joint:
            if encoder not in stage.sources:
                mistakes.append(f"'{stage.name}': joint names '{encoder}', which is not in its from")
            elif "encoder" not in (stages[encoder].part or Part("")).methods:
                mistakes.append(f"'{stage.name}': '{encoder}' has no encoder that could be trained inside the model")
    words = [stage.step for stage in stages.values()]
    mistakes += [
        f"{words.count(word)} stages have step '{word}'; one is allowed"
        for word in sorted(set(words))
        if words.count(word) > 1 and word in step_facts.names() and step_facts.about(word).single
    ]
    return mistakes
