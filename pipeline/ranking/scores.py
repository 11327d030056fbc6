"""The test split as one row of results sees it: scores of captions and videos, each computed once where they fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pipeline.assembly import features
from pipeline.assembly.features import Rows
from pipeline.errors import LaffError
from pipeline.graph.models import Row
from pipeline.plan.context import Context
from pipeline.ranking.tiles import filled

if TYPE_CHECKING:
    from torch import Tensor

Score = Callable[["Tensor", "Tensor"], "Tensor"]
"""score(row numbers [n] of captions, [m] of videos) -> [n, m], on any device"""

KEPT = 1 << 28  # scores that are kept for the way back from videos to captions: 1 GiB


def of_vectors(texts: Tensor, videos: Tensor) -> Score:
    """The scores of a model with vectors [U, W] and [V, W]: their dot products. Equal videos have equal scores."""
    count, whole = len(videos), filled(videos)

    def score(some_texts: Tensor, some_videos: Tensor) -> Tensor:
        candidates = whole if len(some_videos) == count else filled(whole[some_videos])
        return (_of(texts, some_texts) @ candidates.T).narrow(1, 0, len(some_videos))

    return score


def _of(vectors: Tensor, rows: Tensor) -> Tensor:
    """The vectors of different rows; all rows come in their order, and need no copy."""
    return vectors if len(rows) == len(vectors) else vectors[rows]


def cosines(context: Context, row: Row, rows: Rows, captions: np.ndarray) -> Score:
    """The scores of a row of two features, for these captions [n], catalog rows, and the videos of `rows`.

    LaffError where the features are not of one width, or lists of words.
    """
    video, text = row.features
    texts, videos = features.read(context, text, "text", captions)[0], rows.video[video]
    if not isinstance(texts, np.ndarray) or texts.shape[1] != videos.shape[1]:
        kind = f"is {texts.shape[1]} wide" if isinstance(texts, np.ndarray) else "counts words"
        raise LaffError(
            f"pairs.{row.name}: '{video}' is {videos.shape[1]} wide and '{text}' {kind}; a cosine takes two features "
            "of one model"
        )
    return of_vectors(normalised(texts), normalised(videos))


def normalised(values: np.ndarray) -> Tensor:
    """Rows of length 1; a zero row stays zero."""
    import torch

    return torch.from_numpy(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12))


class Scores(Protocol):
    """Scores of C captions and V videos, from either side."""

    def of_captions(self, captions: np.ndarray) -> np.ndarray:
        """Scores [n, V] of these captions, rows of their numbers."""

    def of_videos(self, videos: np.ndarray) -> np.ndarray:
        """Scores [n, C] of these videos, rows of their numbers."""


def mean(models: Sequence[Score], texts: np.ndarray, videos: np.ndarray) -> np.ndarray:
    """Scores [n, m] float32 of different captions [n] and videos [m], the mean over the models."""
    import torch

    with torch.no_grad():
        pair = torch.from_numpy(texts), torch.from_numpy(videos)
        total = models[0](*pair).float().cpu()
        for model in models[1:]:  # one at a time: each is as large as their sum
            total += model(*pair).float().cpu()
        if len(models) > 1:
            total /= len(models)
    scores: np.ndarray = total.numpy()
    return scores


class Scored:
    """Scores of C captions and V videos, the mean over the models of a row.

    Equal captions have one score with a video: they tie whatever a product rounds. First captions against all videos,
    then videos against all captions: the scores are kept in between where there are at most KEPT of them, and computed
    again where there are more.
    """

    def __init__(self, models: Sequence[Score], of_text: np.ndarray, videos: int) -> None:
        """Take the scores of each model; of_text: [C] which of the different captions each is; videos: V."""
        self._models = models
        self._of_text = of_text
        texts = int(of_text.max()) + 1 if len(of_text) else 0
        self._videos = np.arange(videos)
        self._kept = np.empty((texts, videos), np.float32) if texts * videos <= KEPT else None
        self._done = np.zeros(texts, bool)

    def of_captions(self, captions: np.ndarray) -> np.ndarray:
        """Scores [n, V] float32 of these captions."""
        texts = self._of_text[captions]
        if self._kept is None:
            return self._compute(texts, self._videos)
        self._keep(np.unique(texts[~self._done[texts]]))
        scores: np.ndarray = self._kept[texts]
        return scores

    def of_videos(self, videos: np.ndarray) -> np.ndarray:
        """Scores [n, C] float32 of these videos."""
        if self._kept is None:
            return self._turned(self._compute(np.arange(len(self._done)), videos))
        self._keep(np.flatnonzero(~self._done))
        return self._turned(self._kept[:, videos])

    def _turned(self, scores: np.ndarray) -> np.ndarray:
        """[U, n] -> [n, C], each video's scores side by side in memory: ranks walk through them again and again."""
        return np.take(np.ascontiguousarray(scores.T), self._of_text, axis=1)

    def _keep(self, texts: np.ndarray) -> None:
        """Compute the scores of these different captions with all videos."""
        if len(texts):
            assert self._kept is not None
            self._kept[texts] = self._compute(texts, self._videos)
            self._done[texts] = True

    def _compute(self, texts: np.ndarray, videos: np.ndarray) -> np.ndarray:
        """Scores [n, m] of different captions and videos."""
        return mean(self._models, texts, videos)
