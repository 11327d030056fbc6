"""Scores of a caption and a video seen together, where no vectors would do."""

from typing import TYPE_CHECKING

import numpy as np

from pipeline import progress
from pipeline.assembly import features
from pipeline.assembly.features import Rows
from pipeline.build import construct, learned
from pipeline.build.loaded import device, read_state
from pipeline.errors import LaffError
from pipeline.graph.graph import Stage
from pipeline.plan.context import Context
from pipeline.ranking.scores import Score

if TYPE_CHECKING:
    from torch import Tensor

    from fusion.features import Split
    from fusion.spaces import Spaces

BLOCK = 16  # captions between two signs of progress


def of_model(model: "Spaces", split: "Split", first: np.ndarray) -> Score:
    """The scores of a trained model; `first` [U] are the rows of the different captions in the split."""
    import torch

    rows = torch.from_numpy(first)
    where = device("rank", "auto")
    model, whole = model.to(where), split.to(where)
    return lambda texts, videos: model.scores(
        whole.video_rows(videos.to(where)), whole.text_rows(rows[texts].to(where))
    )


def of_features(
    context: Context, name: str, video: Stage, text: str, rows: Rows, first: np.ndarray, bar: progress.Bar | None
) -> Score:
    """The scores of what a fine-tuning made of frames and captions, by the aggregator that it trained.

    Each pair that is scored moves `bar` by one, where there is one.
    """
    import torch

    values, counts = features.read_frames(context, video.name, rows.videos)
    texts = features.read(context, text, "text", rows.captions[first])[0]
    where = device("rank", "auto")
    part, path = construct.construct(video, context), learned.file(context, video)
    if path is None:
        raise LaffError(f"'{video.name}' comes from no fine-tuning; let it read a finetune stage")
    try:
        part.load_state(read_state(path), where)
    except ValueError as error:
        raise LaffError(f"{path}: {error}; run `laff finetune`") from None
    progress.say(
        f"{name}: {len(texts)} captions x {len(values)} videos are {len(texts) * len(values):,} pairs, each with a "
        "forward of its own"
    )
    captions, frames, own = (
        torch.from_numpy(np.ascontiguousarray(array)).to(where) for array in (texts, values, counts.astype(np.int64))
    )

    def score(some_texts: "Tensor", some_videos: "Tensor") -> "Tensor":
        shown, chosen = frames[some_videos.to(where)], own[some_videos.to(where)]
        rows = []
        for block in some_texts.to(where).split(BLOCK):
            rows.append(part.scores(captions[block], shown, chosen))
            if bar is not None:
                bar.advance(len(block) * len(some_videos))
        return torch.cat(rows)

    return score
