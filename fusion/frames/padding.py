"""A video's own frames told from padding, and the checks that every aggregator makes."""

from __future__ import annotations

import torch
from torch import Tensor


def own_mask(frames: Tensor, counts: Tensor) -> Tensor:
    """Mark a video's own frames: frames [B, T, D], counts [B] int64 -> [B, T] bool, false where a row is padding.

    The first row of a video always counts as its own, so that weights over its frames can sum to one.
    """
    return torch.arange(frames.shape[1], device=frames.device) < counts.clamp(min=1)[:, None]


def check(frames: Tensor, counts: Tensor, dim: int) -> None:
    """Raises ValueError unless frames is [B, T, `dim`] and counts [B]."""
    if frames.ndim != 3 or frames.shape[2] != dim:
        raise ValueError(f"frames are {list(frames.shape)}; the aggregator was built for [B, T, {dim}]")
    if counts.shape != frames.shape[:1]:
        raise ValueError(f"counts are {list(counts.shape)}; they should be [{len(frames)}], one number a video")


def check_sizes(frames: int, dim: int) -> None:
    """Raises ValueError unless both are at least 1."""
    if frames < 1 or dim < 1:
        raise ValueError(f"frames is {frames} and dim {dim}; both should be at least 1")


def check_tied(frames: Tensor, built: int) -> None:
    """Raises ValueError where weights that belong to frame positions meet another number of frames."""
    if frames.shape[1] != built:
        raise ValueError(
            f"{frames.shape[1]} frames a video were given, but the weights belong to the positions of {built} frames; "
            f"set frames to {built} where these features are extracted, or train with frames: {frames.shape[1]}"
        )
