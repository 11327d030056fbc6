"""Makes the model that a train stage trains, from its description and the widths of its features."""

from typing import TYPE_CHECKING, Any

from pipeline.graph.models import Model
from pipeline.parts import classes
from pipeline.parts.make import make

if TYPE_CHECKING:
    from fusion.spaces import Spaces


def model(
    where: str,
    described: Model,
    trusted: frozenset[str],
    video: dict[str, int],
    text: dict[str, int],
    lengths: dict[str, int],
    encoders: dict[str, Any],
) -> "Spaces":
    """A model: one block for each side, or one class for both sides if its constructor has `video_dims`.

    where: the place that messages name. trusted: classes that may be imported. video, text: {feature: its width}.
    lengths: {video feature that the model reads frame by frame: its number of frames}. encoders: the sentence encoders
    that are trained inside the model, by feature.
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
