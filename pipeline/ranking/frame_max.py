"""The best items of each query scored again by a video's best frame.

Chen et al., "CLIPRerank: an extremely simple method for improving ad-hoc video search", ICASSP 2024, arXiv 2401.08449:
S'(q, v) = weight * S(q, v) + (1 - weight) * max over the frames f of v of cos(q, f), with weight 0.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.ranking.embed import SCORES
from pipeline.ranking.scores import Score, Scores, normalised
from pipeline.ranking.tiles import filled

if TYPE_CHECKING:
    from torch import Tensor


def rescored(scores: np.ndarray, frames: np.ndarray, k: int, weight: float, min_max: bool = False) -> np.ndarray:
    """Scores [n, N] float64 of n queries: their k best of N items scored again, the others below them in their order.

    scores, frames: [n, N], of the row and of each item's best frame. All items that tie with the k-th best are scored
    again. min_max: both scores of a query's best items are brought to 0..1 before they are added.

    k 2, weight 0.5:

        scores  0.9  0.8  0.3  0.2     best: the first two; (0.9 + 0.1) / 2 and (0.8 + 0.6) / 2
        frames  0.1  0.6  1.0  1.0     the others as far below 0.5, the smaller of these, as they were below 0.8
        ->      0.5  0.7  0.0 -0.1
    """
    exact = scores.astype(np.float64)
    edge = np.partition(exact, -min(k, exact.shape[1]), axis=1)[:, -min(k, exact.shape[1]), None]
    best = exact >= edge
    both = [exact, frames.astype(np.float64)]
    if min_max:
        both = [_to_unit(values, best) for values in both]
    again = weight * both[0] + (1 - weight) * both[1]
    lowest = np.where(best, again, np.inf).min(axis=1, keepdims=True)
    below = np.minimum(lowest + (exact - edge), np.nextafter(lowest, -np.inf))  # where the step is lost in rounding
    return np.where(best, again, below)


def _to_unit(values: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Values [n, N] with the `best` [n, N] bool of each row between 0 and 1; 0 where these are all equal."""
    low = np.where(best, values, np.inf).min(axis=1, keepdims=True)
    high = np.where(best, values, -np.inf).max(axis=1, keepdims=True)
    scaled: np.ndarray = (values - low) / np.where(high > low, high - low, 1.0)
    return scaled


def of_frames(texts: np.ndarray, frames: np.ndarray, starts: np.ndarray) -> Score:
    """The scores of U texts and V videos: the largest cosine of texts [U, D] with the video's own frames.

    frames: [F, D] of all videos, one after the other; starts: [V + 1] where those of each begin; every video has one.
    """
    import torch

    asking, shown = normalised(texts), normalised(frames)

    def score(some_texts: Tensor, some_videos: Tensor) -> Tensor:
        queries, videos = asking[some_texts], some_videos.numpy()
        counts = (starts[1:] - starts[:-1])[videos]
        best = torch.empty(len(queries), len(videos))
        for part in _parts(counts, SCORES // max(1, len(queries))):
            begins = np.cumsum(counts[part]) - counts[part]
            rows = np.repeat(starts[videos[part]] - begins, counts[part]) + np.arange(int(counts[part].sum()))
            cosines = (queries @ filled(shown[torch.from_numpy(rows)]).T)[:, : len(rows)]
            best[:, part] = torch.from_numpy(np.maximum.reduceat(cosines.numpy(), begins, axis=1))
        return best

    return score


def _parts(counts: np.ndarray, most: int) -> list[slice]:
    """Parts of videos that follow each other, of at most so many frames together, or one video."""
    parts, first, total = [], 0, 0
    for place, count in enumerate(counts.tolist()):
        if total and total + count > most:
            parts.append(slice(first, place))
            first, total = place, 0
        total += count
    return [*parts, slice(first, len(counts))] if len(counts) else []


class FrameMax:
    """Scores of captions and videos, both ways, of which the k best of each query are scored again; see `rescored`."""

    def __init__(
        self, scores: Scores, frames: Scores, videos: np.ndarray, captions: np.ndarray, how: tuple[int, float, bool]
    ) -> None:
        """Take the row's scores, and those of frames.

        videos: [m] the row's numbers of the videos that have frames, which are the videos of `frames` and of this one.
        captions: the numbers of those that count as answers of videos. how: k, weight and min_max of `rescored`.
        """
        self._scores, self._frames, self._videos, self._captions = scores, frames, videos, captions
        self._how = how

    def of_captions(self, captions: np.ndarray) -> np.ndarray:
        """Scores [n, m] float64 of these captions."""
        plain = self._scores.of_captions(captions)[:, self._videos]
        return rescored(plain, self._frames.of_captions(captions), *self._how)

    def of_videos(self, videos: np.ndarray) -> np.ndarray:
        """Scores [n, C] float64 of these videos; those of captions that nobody looks for are as they were."""
        exact = self._scores.of_videos(self._videos[videos]).astype(np.float64)
        of_frames = self._frames.of_videos(videos)
        exact[:, self._captions] = rescored(exact[:, self._captions], of_frames[:, self._captions], *self._how)
        return exact
