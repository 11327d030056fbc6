"""Makes a stage of one entry of stages.yaml: describes its part, binds its params, notes all mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.errors import Problems, meant
from pipeline.graph import aggregators, inherited, step_facts
from pipeline.graph.graph import DEVICES, FILLED, Plugged, Stage, Weights
from pipeline.graph.stages_file import Entry
from pipeline.graph.step_facts import StepFacts
from pipeline.parts.binding import Params, bind
from pipeline.parts.classes import Part, part, plugged
from pipeline.parts.code import PartError


def sources_of(entry: Entry) -> list[str]:
    """The stages that an entry's `from` names."""
    value = entry.get("from") or []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def stage_of(
    name: str,
    entry: Entry,
    stages: dict[str, Stage],
    weights: dict[str, Weights],
    trusted: frozenset[str],
    problems: Problems,
) -> Stage:
    """The stage of an entry, its params bound; adds what is wrong with it to `problems`.

    stages: those that it may read; weights: published ones, to which an entry that a name stands for (such as
    open_clip:MODEL/TAG) is added.
    """
    word, uses = str(entry.get("step")), entry.get("uses")
    sources = tuple(s for s in dict.fromkeys(sources_of(entry)) if s in stages)
    on = entry.get("on", "auto")
    if on not in DEVICES:
        problems.add(f"'{name}': on is {on!r}; it should be one of {', '.join(DEVICES)}")
    if word not in step_facts.names():  # told already
        return Stage(name, word, sources=sources)
    try:
        step = step_facts.about(word)
        if on in DEVICES and on != "auto" and not step.computes:
            problems.add(f"'{name}': on: {on} has no effect on step '{word}'; it computes on the CPU")
        of_step = {key: value for key, value in entry["params"].items() if key in step.parameters}
        of_part = {key: value for key, value in entry["params"].items() if key not in step.parameters}
        options, mistakes = bind(of_step, step.parameters)
        problems.extend([f"'{name}': {problem}" for problem in mistakes])
        if uses is None:
            plug = _lent(name, step, [stages[source] for source in sources], of_part, problems)
        else:
            plug = _plugged(name, str(uses), step, _fitting(of_part, entry, trusted), weights, trusted, problems)
        if "aggregate" in step.parameters and plug.part:
            plug.aggregator, mistakes = aggregators.read(options, plug.params, plug.part, trusted)
            problems.extend([f"'{name}': {problem}" for problem in mistakes])
        if "fit" in step.parameters and (uses is not None or options.get("fit")):
            mistakes = _bind_fit(options, plug.part if uses is not None else None)
            problems.extend([f"'{name}': {problem}" for problem in mistakes])
    except PartError as error:
        problems.add(f"'{name}' cannot use {uses or f'step {word}'}: {error}")
        return Stage(name, word, uses and str(uses), sources)
    plugged_in = plug.part, plug.aggregator, plug.lender
    later, completed = entry.get("given_later", {}), str(entry.get("completed", ""))
    stage = Stage(
        name, word, uses, sources, plug.params, options, on, *plugged_in, None, _left(entry), later, completed
    )
    if step.rows == "part" and plug.part and not stage.sides:
        problems.add(f"'{name}' cannot use {uses}: the class says no `sides` (as ('video',) or ('text',))")
    return stage


@dataclass
class _Plug:
    """The class that a stage works with, and the params of its constructor."""

    part: Part | None = None
    params: Params = field(default_factory=dict)
    aggregator: Plugged | None = None
    lender: str = ""


def _lent(name: str, step: StepFacts, sources: Sequence[Stage], params_given: Params, problems: Problems) -> _Plug:
    """The part of a stage without `uses`: where its step borrows, that of a stage which it reads."""
    # BORROWS names a step, so this asks which of the sources is of it.
    lender = next((source for source in sources if step.borrows and source.step == step.borrows), None)
    if lender is not None:
        params, mistakes = inherited.from_fitter(lender, params_given, list(step.parameters))
        mistakes += aggregators.borrowed(name, lender, params)
        problems.extend([f"'{name}': {problem}" for problem in mistakes])
        return _Plug(lender.part, params, lender.aggregator, lender.name)
    if step.borrows:
        problems.add(f"'{name}' names no part: add `uses:`, or read from a {step.borrows} stage")
        return _Plug()
    if step.uses:
        problems.add(f"'{name}' names no part: step '{step.name}' needs `uses:`")
    for key in params_given:
        problems.add(f"'{name}': unknown parameter '{key}'{meant(key, list(step.parameters))}")
    return _Plug()


def _left(entry: Entry) -> frozenset[str]:
    """The params that stand in the file beside another `from` than a profile or a setting gives the stage."""
    changed = {key.partition(".")[0] for key in entry.get("given_later", ())}
    return frozenset(set(entry["params"]) - changed) if "from" in changed else frozenset()


def _fitting(params: Params, entry: Entry, trusted: frozenset[str]) -> Params:
    """The params that a part is given, without those that were meant for the class which it replaces."""
    if "given_for_another" not in entry:
        return params
    known = plugged(str(entry["uses"]), trusted).parameters
    return {key: value for key, value in params.items() if key in known or key not in entry["given_for_another"]}


def _plugged(
    name: str,
    uses: str,
    step: StepFacts,
    params_given: Params,
    weights: dict[str, Weights],
    trusted: frozenset[str],
    problems: Problems,
) -> _Plug:
    """The part that a stage names, its params bound."""
    described = plugged(uses, trusted)
    wanted = {k: v for k, v in described.parameters.items() if k not in FILLED}
    filled, mistakes = inherited.from_weights(params_given, described, weights, trusted)
    problems.extend([f"'{name}': {problem}" for problem in mistakes])
    params, mistakes = bind(filled, wanted)
    settable = [*wanted, *(key for key in step.parameters if key != "fit" or trained_by_steps(described))]
    hints = {k: meant(k, settable) for k in params_given if k not in wanted}
    mistakes = [problem for problem in mistakes if not problem.startswith("unknown")]
    mistakes += [f"unknown parameter '{key}'{hint}" for key, hint in hints.items()]
    problems.extend([f"'{name}' cannot use {uses}: {problem}" for problem in mistakes])
    return _Plug(described, params)


def _bind_fit(options: Params, described: Part | None) -> list[str]:
    """Complete the `fit:` of a part that is trained; returns mistakes, such as a `fit:` of a part that is not."""
    given = options.get("fit") or {}
    if described is None or not trained_by_steps(described):
        return ["fit: its part is not trained step by step, so there is nothing to set"] if given else []
    options["fit"], mistakes = bind(given, part("pipeline.graph.recipe.Fit").parameters)
    return [f"fit: {problem}" for problem in mistakes]


def trained_by_steps(described: Part) -> bool:
    """Whether a class is trained step by step, as `fit:` says."""
    return "task" in described.methods and "fit" not in described.methods
