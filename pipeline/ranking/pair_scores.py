"""Scores of pairs of a caption and a video, by models that look at both together and give no vectors."""

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
    """The scores of a trained model. first: [U] the rows in the split of the different captions."""
    import torch

    first_rows = torch.from_numpy(first)
    target = device("rank", "auto")
    model, moved = model.to(target), split.to(target)
    return lambda texts, videos: model.scores(
        moved.video_rows(videos.to(target)), moved.text_rows(first_rows[texts].to(target))
    )


def of_features(
    context: Context, name: str, video: Stage, text: str, rows: Rows, captions: np.ndarray, bar: progress.Bar | None
) -> Score:
    """The scores of fine-tuned features of frames and captions, by the aggregator that the fine-tuning trained.

    video, text: the stages of the two features. captions: [n] catalog rows. bar: moves by one with each pair.
    """
    import torch

    values, counts = features.read_frames(context, video.name, rows.videos)
    texts = features.read(context, text, "text", captions)[0]
    target = device("rank", "auto")
    part, path = construct.construct(video, context), learned.file(context, video)
    if path is None:
        raise LaffError(f"'{video.name}' comes from no fine-tuning; let it read a finetune stage")
    try:
        part.load_state(read_state(path), target)
    except ValueError as error:
        raise LaffError(f"{path}: {error}; run `laff finetune`") from None
    progress.say(
        f"{name}: {len(texts)} captions x {len(values)} videos are {len(texts) * len(values):,} pairs, each with a "
        "forward of its own"
    )
    sentences, frames, frame_counts = (
        torch.from_numpy(np.ascontiguousarray(array)).to(target) for array in (texts, values, counts.astype(np.int64))
    )

    def score(some_texts: "Tensor", some_videos: "Tensor") -> "Tensor":
        shown_frames, shown_counts = frames[some_videos.to(target)], frame_counts[some_videos.to(target)]
        scores = []
        for block in some_texts.to(target).split(BLOCK):
            scores.append(part.scores(sentences[block], shown_frames, shown_counts))
            if bar is not None:
                bar.advance(len(block) * len(some_videos))
        return torch.cat(scores)

    return score
