"""The params that a stage takes over: from the entry of its weights, or from the stage that fitted its part."""

from pipeline.errors import meant
from pipeline.graph import published
from pipeline.graph.graph import Stage, Weights
from pipeline.parts.binding import Params, bind
from pipeline.parts.classes import Part


def from_weights(
    given: Params, described: Part, weights: dict[str, Weights], trusted: frozenset[str]
) -> tuple[Params, list[str]]:
    """The params of a part with those that the entry of its weights fixes, and what is wrong with them.

    An entry that a name stands for (such as open_clip:MODEL/TAG) is added to `weights`.
    """
    if mistakes := _of_others(given, described, weights, trusted):
        return given, mistakes
    parameter = described.parameters.get("weights")
    name = given.get("weights", parameter.default) if parameter else None
    if not isinstance(name, str):
        return given, []
    try:
        entry = weights.get(name) or published.named(name)
    except ValueError as error:
        return given, [f"weights: {error}"]
    if entry is None:
        return given, []
    if not published.belongs(entry, described, trusted):
        return given, [f"weights '{name}' are for {entry.uses}"]
    weights[name] = entry
    return {**entry.params, **given}, []


def _of_others(given: Params, described: Part, weights: dict[str, Weights], trusted: frozenset[str]) -> list[str]:
    """Mistakes where a parameter of WEIGHTS names weights of another class than WEIGHTS says."""
    mistakes = []
    for param, uses in described.member("WEIGHTS").items():
        entry = weights.get(str(given.get(param)))
        if entry and entry.uses and uses not in published.family(entry.uses, trusted):
            mistakes.append(f"{param} '{entry.name}' are for {entry.uses}, not for {uses}")
    return mistakes


def from_fitter(fitter: Stage, given: Params, options: list[str]) -> tuple[Params, list[str]]:
    """The params of a part that `fitter` trained: those of `fitter`, but for those in FREE; and mistakes in them."""
    parameters = fitter.part.parameters if fitter.part else {}
    free = tuple(fitter.part.member("FREE")) if fitter.part else ()
    mistakes = []
    for key in given:
        if key in parameters and key not in free:
            may = f"; free here: {', '.join(free)}" if free else ""
            mistakes.append(f"{key} is as '{fitter.name}' has it: --set {fitter.name}.{key}=…{may}")
        elif key not in parameters:
            mistakes.append(f"unknown parameter '{key}'{meant(key, [*free, *options])}")
    free_params, misfits = bind(
        {key: value for key, value in given.items() if key in free},
        {key: parameters[key] for key in given if key in free and key in parameters},
    )
    return {**fitter.params, **free_params}, mistakes + misfits
