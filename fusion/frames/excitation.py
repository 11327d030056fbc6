"""Excitation: each frame gets a gate of its own, after Jing et al., arXiv 2406.01604."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from fusion.frames.mean import mean
from fusion.frames.padding import check, check_sizes, own
from fusion.frames.positions import Positions


class Excitation(nn.Module):
    """Gates sigmoid(u) in (0, 1) multiply the frames, which need not share a sum; then the mean over the own frames.

    In YAML: `aggregate: fusion.frames.excitation.Excitation`, with `aggregate_params: {ratio: 0.25}` for the expansion
    form. `pre_norm` gives frames length 1 first. `masked: false` is the authors' code: see Positions.
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
        self.pre_norm = pre_norm
        self.positions = Positions(frames=frames, ratio=ratio, relu6=relu6, masked=masked)

    def gates(self, frames: Tensor, own: Tensor) -> Tensor:
        """frames [B, N, D] (normalised already where that is wanted), own [B, N] bool -> gates [B, N] in (0, 1)."""
        return torch.sigmoid(self.positions(frames, own))

    def excite(self, frames: Tensor, own: Tensor) -> Tensor:
        """The same frames, each times its gate: [B, N, D] -> [B, N, D]."""
        return frames * self.gates(frames, own)[:, :, None]

    def forward(self, frames: Tensor, counts: Tensor) -> Tensor:
        """frames [B, N, D], counts [B] int64 -> [B, D]."""
        check(frames, counts, self.dim)
        frames = normalize(frames, dim=-1) if self.pre_norm else frames
        return mean(self.excite(frames, own(frames, counts)), counts)
