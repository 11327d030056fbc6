"""Scores of a caption and a video seen together, where no vectors would do: block by block, each pair once."""

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

KEPT = 1 << 28  # scores that are kept for the way back from videos to captions: 1 GiB


class Pairs:
    """Scores of U different captions and V videos.

    All captions against a block of videos come after a block of captions against all videos: scores are kept in
    between where there are at most KEPT of them, and computed again where there are more.
    """

    def __init__(self, score: Callable[["Tensor", "Tensor"], "Tensor"], texts: int, videos: int) -> None:
        """score: row numbers [n] of captions and [m] of videos -> [n, m]."""
        self._score = score
        self._shape = (texts, videos)
        self._kept = np.zeros(self._shape, np.float32) if texts * videos <= KEPT else None
        self._done = np.zeros(texts, bool)

    def of_texts(self, texts: np.ndarray) -> np.ndarray:
        """Scores [n, V] of these captions."""
        if self._kept is None:
            return self._compute(texts, np.arange(self._shape[1]))
        new = np.unique(texts[~self._done[texts]])
        if len(new):
            self._kept[new] = self._compute(new, np.arange(self._shape[1]))
            self._done[new] = True
        return self._kept[texts]

    def of_videos(self, videos: np.ndarray) -> np.ndarray:
        """Scores [n, U] of these videos."""
        every = np.arange(self._shape[0])
        if self._kept is None:
            return np.ascontiguousarray(self._compute(every, videos).T)
        self.of_texts(every[~self._done])
        return np.ascontiguousarray(self._kept[:, videos].T)

    def _compute(self, texts: np.ndarray, videos: np.ndarray) -> np.ndarray:
        import torch

        with torch.no_grad():
            found: np.ndarray = self._score(torch.from_numpy(texts), torch.from_numpy(videos)).float().cpu().numpy()
        return found


def of_model(model: "Spaces", split: "Split", first: np.ndarray) -> Pairs:
    """The scores of a trained model; `first` [U] are the rows of the different captions in the split."""
    import torch

    rows = torch.from_numpy(first)
    where = build.device("rank", "auto")
    model, whole = model.to(where), split.to(where)
    return Pairs(
        lambda texts, videos: model.scores(whole.video_rows(videos.to(where)), whole.text_rows(rows[texts].to(where))),
        len(first),
        split.videos,
    )


def of_features(context: Context, video: Stage, text: str, rows: Rows, first: np.ndarray) -> Pairs:
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
    return Pairs(
        lambda texts, videos: made.scores(captions[texts], frames[videos], own[videos]), len(first), len(values)
    )
