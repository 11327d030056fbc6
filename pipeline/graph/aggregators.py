"""Aggregators: classes that make one vector of a video's frames inside a fine-tuned model.

A finetune stage names one. A stage that borrows the model has the same one, with the weights that fine-tuning saved.
"""

from pipeline.graph.graph import Graph, Plugged, Stage
from pipeline.parts import classes, code
from pipeline.parts.binding import Params, bind

GIVEN = ("frames", "dim")  # constructor parameters that every aggregator has; the part tells them
SAMPLING = ("frames", "stride", "fps", "rule")  # params of the part that say which frames stand at which position
FOLDER = "fusion.frames"


def read(
    options: Params, params: Params, part: classes.Part, trusted: frozenset[str]
) -> tuple[Plugged | None, list[str]]:
    """The aggregator that a finetune stage's options name, and what is wrong with it; None where its part takes none.

    Completes `aggregate_params` in `options` with defaults. Sets `head_rate` to its default where the aggregator has no
    weights, so that a value without effect makes nothing stale.
    """
    if not {"aggregate", "aggregate_params", "head_rate"} <= options.keys():
        return None, []  # of another type than they should be, which was told when the options were bound
    uses, given_params = options["aggregate"], options["aggregate_params"]
    defaults = classes.part("pipeline.steps.finetune.Options").parameters
    if not {"plug", "check"} <= part.methods or not set(SAMPLING) <= params.keys():
        changed = uses != defaults["aggregate"].default or given_params
        return None, [f"aggregate: {part.path} takes no aggregator"] if changed else []
    try:
        described = classes.plugged(uses, trusted)
    except code.PartError as error:
        return None, [f"cannot use {uses}: {error}{_meant(uses, trusted)}"]
    if "scores_pairs" not in described.constants or not set(GIVEN) <= set(described.parameters):
        return None, [f"aggregate: {uses} is no aggregator of frames; see fusion/frames/"]
    if not described.constants.get("learns", True):
        options["head_rate"] = float(defaults["head_rate"].default)
    wanted = {key: value for key, value in described.parameters.items() if key not in GIVEN}
    bound, mistakes = bind(given_params, wanted)
    options["aggregate_params"] = bound
    pairs = bool(described.constants["scores_pairs"])
    seen = {key: params[key] for key in SAMPLING}
    return Plugged(uses, bound, seen, pairs), [f"aggregate_params: {problem}" for problem in mistakes]


def _meant(uses: str, trusted: frozenset[str]) -> str:
    """A hint for a path that lacks `fusion.frames.` in front; else ''."""
    try:
        return f"; did you mean {classes.plugged(f'{FOLDER}.{uses}', trusted).path}?"
    except code.PartError:
        return ""


def borrowed(name: str, fitter: Stage, params: Params) -> list[str]:
    """What is wrong with the params of a stage that takes over the part of `fitter`."""
    if fitter.aggregator and fitter.aggregator.scores_pairs and params.get("level") == "video":
        return [
            f"'{fitter.name}' scores pairs ({fitter.aggregator.uses}), so no video has a vector; give '{name}' "
            f"level: frame, and let rank score the pairs: pairs: {{tight: [{name}, {name}]}}"
        ]
    return []


def without_vectors(stage: Stage) -> str:
    """Why the stage's videos have no vectors (means of its frames would say little); '' where they have."""
    if stage.borrowed and stage.aggregator and stage.aggregator.scores_pairs:
        return f"'{stage.name}' comes from a CLIP that learned to score pairs ({stage.aggregator.uses})"
    return ""


def other_frames(stage: Stage) -> str:
    """What to set so that a stage reads the frames that its aggregator learned positions on; '' where it does."""
    assert stage.aggregator is not None
    learned = stage.aggregator.sampling
    other = [key for key in SAMPLING if stage.params[key] != learned[key]]
    if not other:
        return ""
    have = ", ".join(f"{key}: {stage.params[key]}" for key in other)
    were = ", ".join(f"{key}: {learned[key]}" for key in other)
    sets = " ".join(f"--set {stage.name}.{key}={learned[key]}" for key in other)
    return (
        f"'{stage.name}' has {have}, but the weights of {stage.aggregator.uses} belong to the positions of frames with "
        f"{were}; {sets}"
    )


def refused(graph: Graph, stage: Stage) -> list[str]:
    """Problems of a stage that learns from the video vectors of a feature which has none."""
    if not stage.fitted:
        return []
    reasons = [without_vectors(graph.stages[source]) for source in stage.sources]
    return [
        f"'{stage.name}' learns from one vector a video, but {reason}; give it another video feature in its from, or "
        f"take '{stage.name}' out of train.from"
        for reason in reasons
        if reason
    ]
