"""Excitation: each frame gets a gate of its own, after Jing et al., arXiv 2406.01604."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from fusion.frames.mean import mean
from fusion.frames.padding import check, own_mask
from fusion.frames.position_block import PositionBlock


class Excitation(PositionBlock):
    """Mean over the own frames, each multiplied by its gate sigmoid(u) in (0, 1); gates have no common sum.

    In YAML: `aggregate: fusion.frames.excitation.Excitation`, with `aggregate_params: {ratio: 0.25}` for the expansion
    form. `pre_norm` gives frames length 1 first. `masked: false` is the authors' code: see Positions.
    """

    scores_pairs = False
    tied = True

    def gates(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Gates [B, N] in (0, 1): frames [B, N, D], of length 1 if `pre_norm`; mask [B, N] bool, false at padding."""
        return torch.sigmoid(self.positions(frames, mask))

    def excite(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Multiply each frame by its gate: [B, N, D] -> [B, N, D]."""
        return frames * self.gates(frames, mask)[:, :, None]

    def forward(self, frames: Tensor, counts: Tensor) -> Tensor:
        """Pool frames: [B, N, D], counts [B] int64 -> [B, D]."""
        check(frames, counts, self.dim)
        frames = normalize(frames, dim=-1) if self.pre_norm else frames
        return mean(self.excite(frames, own_mask(frames, counts)), counts)
