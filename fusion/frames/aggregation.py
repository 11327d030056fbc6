"""Aggregation: a weighted sum of frames whose weights sum to one, after Jing et al., arXiv 2406.01604."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from fusion.frames.padding import check, check_sizes, own_mask
from fusion.frames.positions import Positions


class Aggregation(nn.Module):
    """Weighted sum of frames, with weights softmax(u) over the frame positions.

    In YAML: `aggregate: fusion.frames.aggregation.Aggregation`, with `aggregate_params: {ratio: 0.25}` for the
    expansion form. `masked: false` is the authors' code, where padding takes its share of the softmax.
    """

    scores_pairs = False
    tied = True

    def __init__(
        self,
        *,
        frames: int,
        dim: int,
        ratio: float = 4.0,  # above 1 squeezes, below 1 expands
        relu6: bool = True,  # ReLU6 where a ratio below 1 expands, else ReLU
        masked: bool = True,  # padding does not count; false: it does, as in the authors' code
        pre_norm: bool = True,  # frames get length 1 first
    ) -> None:
        super().__init__()
        check_sizes(frames, dim)
        self.dim = dim
        self.masked = masked
        self.pre_norm = pre_norm
        self.positions = Positions(frames=frames, ratio=ratio, relu6=relu6, masked=masked)

    def weights(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Weights [B, N] that sum to one: frames [B, N, D], normalised if `pre_norm`; mask [B, N] bool, see padding."""
        logits: Tensor = self.positions(frames, mask)
        return (logits.masked_fill(~mask, -torch.inf) if self.masked else logits).softmax(dim=1)

    def pool(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Weighted sum of the frames: [B, N, D] -> [B, D]."""
        return (self.weights(frames, mask)[:, :, None] * frames).sum(dim=1)

    def forward(self, frames: Tensor, counts: Tensor) -> Tensor:
        """Pool frames: [B, N, D], counts [B] int64 -> [B, D]."""
        check(frames, counts, self.dim)
        return self.pool(normalize(frames, dim=-1) if self.pre_norm else frames, own_mask(frames, counts))
