"""Entries of a train stage's `baselines`: further models, read and checked."""

from dataclasses import dataclass, replace

from pipeline.errors import LaffError, did_you_mean
from pipeline.graph import model_checks, step_facts
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.options import ModelTraining
from pipeline.graph.stages_file import Entry
from pipeline.parts import classes, code
from pipeline.parts.binding import Params, bind

KEYS = ("uses", "params", "video", "text", "options")  # of an entry


@dataclass(frozen=True)
class Baseline:
    """A further model, completed with what the stage has."""

    uses: str
    video: tuple[str, ...]  # features
    text: tuple[str, ...]
    params: Params  # of the constructor of `uses`
    options: Params  # of the training, where they differ from the stage's


def read(graph: Graph, stage: Stage, entry: Entry) -> Baseline:
    """One entry of a train stage's `baselines`. What it leaves out is as the stage has it.

    Raises LaffError with all that is wrong with the entry, without its name, which the caller adds.
    """
    mistakes = [f"unknown key '{key}'{did_you_mean(key, KEYS)}" for key in entry if key not in KEYS]
    for key in ("params", "options"):
        if not isinstance(entry.get(key, {}), dict):
            mistakes.append(f"{key} should be a mapping, not {entry[key]!r}")
    sides = []
    for side, have in zip(("video", "text"), graph.features(stage.name), strict=True):
        names = entry.get(side, have)
        if not isinstance(names, list | tuple) or not names:
            mistakes.append(f"{side} should list at least one feature, not {names!r}")
            continue
        mistakes += [
            f"{side}: no feature '{feature}'{did_you_mean(feature, have)}" for feature in names if feature not in have
        ]
        mistakes += [
            f"{side}: '{feature}' stands twice" for feature in dict.fromkeys(names) if names.count(feature) > 1
        ]
        sides.append(tuple(names))
    params: Params = {}
    if not isinstance(entry.get("uses"), str):
        mistakes.append("uses should name a block or model, such as fusion.laff.LAFF")
    elif isinstance(entry.get("params", {}), dict):
        params, of_params = _params(stage, entry["uses"], entry.get("params", {}), graph.trusted)
        if not of_params and not mistakes:
            written, left = list(entry.get("params", {})), "baselines" in stage.left
            of_params = model_checks.mistakes(graph, stage, sides[0], sides[1], params, written, left)
        mistakes += of_params
    options_given = entry.get("options", {})
    mistakes += _option_mistakes(stage, options_given) if isinstance(options_given, dict) else []
    if mistakes:
        raise LaffError("; ".join(mistakes))
    options, _ = bind(options_given, _training_options())
    video, text = sides
    options = {key: options[key] for key in options_given}
    return Baseline(entry["uses"], video, text, params, options)


def _training_options() -> dict[str, classes.Parameter]:
    """The options of the train step that shape a model, so that each may have its own."""
    step = step_facts.about("train")
    return {name: parameter for name, parameter in step.parameters.items() if name not in step.how}


def _option_mistakes(stage: Stage, given: Params) -> list[str]:
    """What is wrong with the training options of a model's entry."""
    bound, mistakes = bind(given, _training_options())
    if mistakes:
        return [f"options: {mistake}" for mistake in mistakes]
    try:
        options = {key: bound[key] for key in given}
        replace(stage, options=stage.options | options).options_as(ModelTraining)
    except LaffError as error:
        return [f"options: {problem}" for problem in error.problems]
    return []


def _params(stage: Stage, uses: str, given: Params, trusted: frozenset[str]) -> tuple[Params, list[str]]:
    """The params of another block, and mistakes. A param that is not given is the stage's, where that has it.

    Those that a class lists in `own` are the stage's only where the stage has that class itself: beside another one
    its sizes mean something else.
    """
    try:
        described = classes.plugged(uses, trusted)
    except code.PartError as error:
        return {}, [f"cannot use {uses}: {error}"]
    same = stage.part is not None and stage.part.path == uses
    own = () if same else described.constants.get("own", ())
    shared = {key: value for key, value in stage.params.items() if key in described.parameters and key not in own}
    bound, mistakes = model_checks.bound(described, shared | given, trusted)
    return bound, [f"cannot use {uses}: {mistake}" for mistake in mistakes]
