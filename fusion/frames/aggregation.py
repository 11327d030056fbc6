"""Aggregation: a weighted sum of frames whose weights sum to one, after Jing et al., arXiv 2406.01604."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from fusion.frames.padding import check, own_mask
from fusion.frames.position_block import PositionBlock


class Aggregation(PositionBlock):
    """Weighted sum of frames, with weights softmax(u) over the frame positions.

    In YAML: `aggregate: fusion.frames.aggregation.Aggregation`, with `aggregate_params: {ratio: 0.25}` for the
    expansion form. `masked: false` is the authors' code, where padding takes its share of the softmax.
    """

    scores_pairs = False
    tied = True

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
