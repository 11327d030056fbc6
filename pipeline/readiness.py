"""Whether the stages of a run can do their work: parts, packages, devices, weights; asked before any of it begins."""

from collections.abc import Sequence

from pipeline import progress
from pipeline.build.construct import construct
from pipeline.build.loaded import device
from pipeline.errors import LaffError, problems
from pipeline.graph.graph import Stage
from pipeline.plan import packages, steps
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.up_to_date import not_up_to_date
from pipeline.weights import fetch, hub, lookup

WEIGHTS = "weights"  # the place of what is wrong with them, in messages


class NoWeights(LaffError):
    """Weights that are not on this machine and cannot be downloaded."""


def check_work(context: Context, names: Sequence[str]) -> list[Planned]:
    """The states of the stages that have to run; LaffError with all that prevents it: parts, devices, weights.

    What can be told without a download is told before the first one.
    """
    where = str(context.graph.path)
    states = not_up_to_date(context, names)
    stale = [state.stage for state in states]
    lacking = {name for stages in packages.lacking_for(context.graph, states).values() for name in stages}
    able = [context.stage(name) for name in stale if name not in lacking]  # no weights for what cannot run
    named = [(one, param) for one in able if one.part and not one.borrowed for param in ("weights", *one.further)]
    away = [place for place in named if _can_fetch(context, *place)]
    unknown = {stage.name for stage, param in named if _tells_later(context, stage, param)}
    late = [name for name in stale if unknown.intersection(context.graph.needed([name]))]
    mistakes = steps.problems(context, [name for name in stale if name not in late])
    mistakes += _without_device(context, late)
    absent = _obtained(context, [place for place in named if place not in away])
    _refuse({"packages": packages.problems(context.graph, states, names), where: mistakes, WEIGHTS: absent})
    _refuse({WEIGHTS: _obtained(context, away)})
    context.recipes.forget()  # a file without a published sha256 has one now that it is here
    _refuse({where: steps.problems(context, late)})  # now: their weights tell what they are
    return states


def _can_fetch(context: Context, stage: Stage, param: str) -> bool:
    """Whether a stage's weights have to be fetched first, and may be."""
    entry = lookup.entry_of(context.graph, stage.params.get(param) or "")
    return entry is not None and lookup.fetchable(entry) and not fetch.offline()


def _tells_later(context: Context, stage: Stage, param: str) -> bool:
    """Whether a stage's weights are not here and tell what its part is: a repository of the hub."""
    entry = lookup.entry_of(context.graph, stage.params.get(param) or "")
    return entry is not None and bool(hub.address(entry)) and lookup.find(entry) is None


def _obtained(context: Context, places: Sequence[tuple[Stage, str]]) -> list[str]:
    """Look for, check and if need be fetch the weights of these stages and params; what was wrong."""
    wrong = []
    for stage, param in places:
        try:
            lookup.get(stage, context.graph, context.work, param)
        except LaffError as error:
            wrong.append(str(error))
    return wrong


def _without_device(context: Context, names: Sequence[str]) -> list[str]:
    """What is wrong with the devices of stages that compute in this process."""
    wrong = []
    for stage in map(context.stage, names):
        try:
            if stage.about.computes and not (context.tasks.remote and stage.step == "extract"):
                device(stage.name, stage.on)
        except LaffError as error:
            wrong.append(str(error))
    return wrong


def _refuse(told: dict[str, list[str]]) -> None:
    """Raise LaffError with all that is told, {place: sentences}, if there is anything."""
    errors = [problems(where, texts) for where, texts in told.items() if texts]
    if errors:
        raise (NoWeights if told.get(WEIGHTS) else LaffError)(
            "\n".join(map(str, errors)), [text for error in errors for text in error.problems]
        )


def check_fit(context: Context, names: Sequence[str]) -> None:
    """Raise LaffError where weights do not fit the part of their stage: before hours of decoding, not after."""
    mistakes = []
    for name in names:
        stage = context.stage(name)
        if stage.borrowed:
            continue
        path = lookup.get(stage, context.graph, context.work)
        further = lookup.further(stage, context.graph, context.work)
        weight_files = [file for file in (path, *further.values()) if file]
        if not weight_files:
            continue
        fit = "fits" if len(weight_files) == 1 else "fit"
        progress.say(f"{name}: looking whether {' and '.join(file.name for file in weight_files)} {fit}")
        try:
            with progress.heard("extractors"):  # what was taken off the names of its tensors
                construct(stage, context).load("cpu", path, **further)
        except ValueError as error:
            # A folder is read by its own config.json, so that the message says what it is; a file may be anything.
            hint = " or ".join(f"`laff weights check {file}`" for file in weight_files if file.is_file())
            mistakes.append(f"'{name}': {error}" + (f" ({hint} tells what it is and how to use it)" if hint else ""))
    if mistakes:
        raise problems(WEIGHTS, mistakes)
