"""Weights by content: the weight of a frame depends on its feature and not on its position."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from fusion.frames.padding import check, check_sizes, own_mask
from fusion.frames.positions import start


class Content(nn.Module):
    """Weighted sum of frames: w = Linear(ReLU(Linear(frame))), weights softmax(w / temperature) over the own frames.

    The attentional frame aggregation (AFA) of TeachCLIP (Tian et al., CVPR 2024), the rival of weights by position.
    In YAML: `aggregate: fusion.frames.content.Content`. `pre_norm` gives frames length 1 before they are weighted.
    """

    scores_pairs = False
    tied = False

    def __init__(
        self,
        *,
        frames: int,
        dim: int,
        temperature: float = 0.1,  # of the softmax over frames
        pre_norm: bool = True,  # frames get length 1 first
    ) -> None:
        super().__init__()
        check_sizes(frames, dim)
        if temperature <= 0:
            raise ValueError(f"temperature is {temperature:g}; it should be above 0")
        self.dim = dim
        self.temperature = temperature
        self.pre_norm = pre_norm
        self.inner = nn.Linear(dim, dim)
        self.outer = nn.Linear(dim, 1, bias=False)  # no bias: softmax ignores a constant
        start(self)

    def weights(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Weights [B, T] that sum to one: frames [B, T, D], normalised if `pre_norm`; mask [B, T] bool, see padding."""
        logits: Tensor = self.outer(torch.relu(self.inner(frames)))[:, :, 0]
        return (logits / self.temperature).masked_fill(~mask, -torch.inf).softmax(dim=1)

    def forward(self, frames: Tensor, counts: Tensor) -> Tensor:
        """Pool frames: [B, T, D], counts [B] int64 -> [B, D]."""
        check(frames, counts, self.dim)
        frames = normalize(frames, dim=-1) if self.pre_norm else frames
        return (self.weights(frames, own_mask(frames, counts))[:, :, None] * frames).sum(dim=1)
