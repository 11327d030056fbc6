"""Makes the object that does a stage's work: imports its class, constructs it with its params."""

from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.errors import LaffError
from pipeline.graph import aggregators
from pipeline.graph.graph import Stage
from pipeline.graph.models import Model
from pipeline.parts import classes
from pipeline.parts.make import make
from pipeline.plan.context import Context
from pipeline.weights import lookup

if TYPE_CHECKING:
    from fusion.spaces import Spaces


def construct(stage: Stage, context: Context | None = None, **filled: Any) -> Any:
    """The stage's part, constructed with its params. LaffError where the constructor refuses a value."""
    if stage.part is None:
        raise LaffError(f"{stage.name} has no part")
    params = dict(stage.params)
    for name in stage.part.member("FILES"):
        if params.get(name) and context:
            params[name] = str(context.path(params[name]))
    if context and (own_file := lookup.own_file(params.get("weights"), context.graph)):
        params["weights"] = str(own_file.absolute())  # a part may look beside it, also where a worker stands elsewhere
    part = make(stage.name, stage.part.path, params | filled)
    if stage.aggregator:
        _plug(stage, part)
    return part


def _plug(stage: Stage, part: Any) -> None:
    """Let the part build its aggregator. LaffError where the stage reads other frames than its weights are for."""
    part.plug(partial(aggregator, stage, part.dim))
    if part.level == "video" and (other := aggregators.other_frames(stage)):
        import torch

        with torch.device("meta"):
            tied = aggregator(stage, part.dim).tied
        if tied:
            raise LaffError(f"{other}, or level: frame")


def aggregator(stage: Stage, dim: int) -> Any:
    """A new aggregator for a stage's part, over frames [B, T, dim]; its weights are drawn from the stage's seed."""
    import torch

    assert stage.aggregator is not None
    sizes = {"frames": stage.aggregator.frames, "dim": dim}
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stage.values.get("seed", 0))
        return make(stage.name, stage.aggregator.uses, stage.aggregator.params | sizes)


def model(
    where: str,
    described: Model,
    trusted: frozenset[str],
    video: dict[str, int],
    text: dict[str, int],
    lengths: dict[str, int],
    encoders: dict[str, Any],
) -> "Spaces":
    """A model constructed: a block for each side, or a class of both sides if its constructor has `video_dims`.

    video, text: widths of the features; lengths: the number of frames of those that come frame by frame.
    """
    from fusion.paired import Paired

    wanted = classes.plugged(described.uses, trusted).parameters
    filled = {"lengths": lengths} if "lengths" in wanted else {}
    if "video_dims" in wanted:
        both = {"video_dims": video, "text_dims": text, "encoders": encoders}
        whole: Spaces = make(where, described.uses, described.params | filled | both)
        return whole
    first, second = (make(where, described.uses, described.params | filled | {"dims": dims}) for dims in (video, text))
    return Paired(first, second, encoders, described.params.get("heads"))
