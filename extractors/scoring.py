"""Mean reciprocal rank of text-to-video retrieval: the validation score of everything trained in `extractors`."""

import math

import torch
from torch import Tensor

CELLS = 1 << 24  # similarities in memory at once: 64 MiB of float32


@torch.no_grad()
def mrr(text: Tensor, video: Tensor, video_of: Tensor) -> float:
    """Mean over captions of 1 / rank of the caption's own video, by dot product; in (0, 1].

    text: [C, D] float; video: [V, D] float, which the caller normalises for cosines; video_of: [C] int64, the row in
    `video` of each caption's video.
    rank = 1 + videos with a higher similarity + half of the other videos with the same, so that constant similarities
    score like the middle of the list and not like a perfect one. NaN where a similarity is not finite.
    Raises ValueError where there are no captions or shapes do not fit.
    """
    if len(text) == 0:
        raise ValueError("mrr: there are no captions to rank; the validation split is empty")
    if text.ndim != 2 or video.ndim != 2 or text.shape[1] != video.shape[1]:
        raise ValueError(f"mrr: text {tuple(text.shape)} and video {tuple(video.shape)} should be [C, D] and [V, D]")
    if video_of.shape != (len(text),):
        raise ValueError(f"mrr: video_of {tuple(video_of.shape)} should hold one row for each of {len(text)} captions")
    if int(video_of.min()) < 0 or int(video_of.max()) >= len(video):
        raise ValueError(
            f"mrr: video_of names rows {int(video_of.min())}..{int(video_of.max())}, but there are {len(video)} videos"
        )
    video, video_of = video.to(text.device), video_of.to(text.device)
    block = max(1, CELLS // len(video))
    total = 0.0
    for start in range(0, len(text), block):
        total += reciprocal(text[start : start + block] @ video.T, video_of[start : start + block])
    return total / len(text)


def reciprocal(scores: Tensor, video_of: Tensor) -> float:
    """Sum over captions of 1 / rank of the caption's video: scores [C, V], video_of [C] int64 on the same device.

    NaN where a score is not finite, for the training to report.
    """
    if not bool(scores.isfinite().all()):
        return math.nan
    right = scores.gather(1, video_of[:, None])  # [C, 1]
    above = (scores > right).sum(dim=1)
    equal = (scores == right).sum(dim=1) - 1
    return float((1.0 / (1.0 + above.double() + equal.double() / 2)).sum())
