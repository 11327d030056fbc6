"""Weights by content: a frame's weight depends on what it shows and not on where it stands."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from fusion.frames.padding import check, check_sizes, own
from fusion.frames.positions import start


class Content(nn.Module):
    """w = Linear(ReLU(Linear(frame))); softmax(w / temperature) over the own frames, then the weighted sum.

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
        self.outer = nn.Linear(dim, 1, bias=False)  # one number added to all would change no softmax
        start(self)

    def weights(self, frames: Tensor, own: Tensor) -> Tensor:
        """frames [B, T, D] (normalised already where that is wanted), own [B, T] bool -> [B, T] that sum to one."""
        w = self.outer(torch.relu(self.inner(frames)))[:, :, 0]
        return (w / self.temperature).masked_fill(~own, -torch.inf).softmax(dim=1)

    def forward(self, frames: Tensor, counts: Tensor) -> Tensor:
        """frames [B, T, D], counts [B] int64 -> [B, D]."""
        check(frames, counts, self.dim)
        frames = normalize(frames, dim=-1) if self.pre_norm else frames
        return (self.weights(frames, own(frames, counts))[:, :, None] * frames).sum(dim=1)
