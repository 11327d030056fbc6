"""What makes a video of its frames inside a fine-tuned model: named by a finetune stage.

A stage that borrows the model has the same aggregator, with the weights that the fine-tuning saved.
"""

from typing import Any

from pipeline import parts
from pipeline.binding import bind
from pipeline.graph import Plugged, Stage

GIVEN = ("frames", "dim")  # constructor parameters that every aggregator has; the part tells them


def read(
    options: dict[str, Any], params: dict[str, Any], part: parts.Part, trusted: frozenset[str]
) -> tuple[Plugged | None, list[str]]:
    """The aggregator that a finetune stage's options name, for its part with its params, and what is wrong with it.

    Completes `aggregate_params` with defaults. None where the part takes none.
    """
    uses, given = options["aggregate"], options["aggregate_params"]
    if not {"plug", "check"} <= part.methods or "frames" not in params:
        changed = uses != parts.part("pipeline.steps.finetune.Options").parameters["aggregate"].default or given
        return None, [f"aggregate: {part.path} takes no aggregator"] if changed else []
    try:
        described = parts.plugged(uses, trusted)
    except parts.PartError as error:
        return None, [f"cannot use {uses}: {error}"]
    if "scores_pairs" not in described.constants or not set(GIVEN) <= set(described.parameters):
        return None, [f"aggregate: {uses} is no aggregator of frames; see fusion/frames/"]
    wanted = {key: value for key, value in described.parameters.items() if key not in GIVEN}
    bound, wrong = bind(given, wanted)
    options["aggregate_params"] = bound
    pairs = bool(described.constants["scores_pairs"])
    return Plugged(uses, bound, int(params["frames"]), pairs), [f"aggregate_params: {problem}" for problem in wrong]


def borrowed(name: str, fitter: Stage, params: dict[str, Any]) -> list[str]:
    """What is wrong with the params of a stage that takes over the part of `fitter`."""
    if fitter.aggregator and fitter.aggregator.scores_pairs and params.get("level") == "video":
        return [
            f"'{fitter.name}' scores pairs ({fitter.aggregator.uses}), so no video has a vector; give '{name}' "
            f"level: frame, and let rank score the pairs: pairs: {{tight: [{name}, {name}]}}"
        ]
    return []
