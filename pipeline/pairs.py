"""Scores of a caption and a video seen together, where no vectors would do."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pipeline import build, features
from pipeline.context import Context
from pipeline.errors import LaffError
from pipeline.features import Rows
from pipeline.fitting import fitted_file
from pipeline.graph import Stage

if TYPE_CHECKING:
    from torch import Tensor

    from fusion.features import Split
    from fusion.spaces import Spaces

Score = Callable[["Tensor", "Tensor"], "Tensor"]
"""score(row numbers [n] of captions, [m] of videos) -> [n, m], on any device"""


def of_model(model: "Spaces", split: "Split", first: np.ndarray) -> Score:
    """The scores of a trained model; `first` [U] are the rows of the different captions in the split."""
    import torch

    rows = torch.from_numpy(first)
    where = build.device("rank", "auto")
    model, whole = model.to(where), split.to(where)
    return lambda texts, videos: model.scores(
        whole.video_rows(videos.to(where)), whole.text_rows(rows[texts].to(where))
    )


def of_features(context: Context, video: Stage, text: str, rows: Rows, first: np.ndarray) -> Score:
    """The scores of what a fine-tuning made of frames and captions, by the aggregator that it trained."""
    import torch

    values, counts = features.read_frames(context, video.name, rows.videos)
    texts = features.read(context, text, "text", rows.captions[first])[0]
    where = build.device("rank", "auto")
    made = build.aggregator(video, values.shape[2])
    path = fitted_file(context, video)
    state = build.read_state(path) if path else {}
    try:
        made.load_state_dict(state.get("aggregator", {}))
    except RuntimeError:
        raise LaffError(f"{path} was trained with another aggregator; run `laff finetune`") from None
    made = made.eval().to(where)
    captions, frames, own = (
        torch.from_numpy(np.ascontiguousarray(array)).to(where) for array in (texts, values, counts.astype(np.int64))
    )
    return lambda texts, videos: made.scores(captions[texts], frames[videos], own[videos])
