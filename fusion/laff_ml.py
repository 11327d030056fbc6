"""LAFF-ml: LAFF at several levels. A softmax over a video's frames makes one vector of them, which LAFF then fuses.

Source: Hu et al., ECCV 2022, as the authors' released code executes it (its frame-level model without a map before).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

import torch
from torch import Tensor, nn

from fusion.block import Block, Sizes
from fusion.enter import Enter
from fusion.features import Feature, Frames, pick_all
from fusion.laff import attend, head_scores
from fusion.spaces import unit


class LAFFml(Block):
    """LAFF with batch normalisation behind every learned map, and features that it reads frame by frame.

    For such a feature, a = softmax_t(w . frame_t) over a video's own frames and x = sum_t a_t frame_t, scaled to length
    1. x is raw, so it is tiled to every head and normalised over the batch. (A bias in the softmax would cancel. The
    authors' softmax includes the zeros behind short videos; scaling to length 1 removes their effect.) Names that
    `dims` lacks are ignored in `frames`, as in `raw`, so that the text side can have the same parameters.
    """

    convex = True
    symmetric = True

    def __init__(
        self,
        *,
        frames: tuple[str, ...] = (),  # video features that are read frame by frame
        **sizes: Unpack[Sizes],
    ) -> None:
        super().__init__(**sizes)
        raw = (*self.raw, *frames)
        self.enter = Enter(self.dims, self.heads, self.width, self.dropout, raw, norm=True)
        self.score = head_scores(self.heads, self.width)
        scores = {name: torch.empty(self.dims[name]) for name in frames if name in self.dims}
        self.frame_score = nn.ParameterDict(
            {name: score.uniform_(-(len(score) ** -0.5), len(score) ** -0.5) for name, score in scores.items()}
        )

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, Tensor]:
        """Fuse features[k], [B, D_k] or Frames [B, T, D_k] -> fused [B, H, W], weights [B, H, K], sums over K one.

        Raises ValueError naming a feature that is missing, has another width, or should come frame by frame.
        """
        picked = dict(zip(self.dims, pick_all(features, self.dims, tuple(self.frame_score)), strict=True))
        pooled = {name: pool(picked[name], score) for name, score in self.frame_score.items()}
        return attend(self.enter({**picked, **pooled}), self.score)


def pool(frames: Feature, score: Tensor) -> Tensor:
    """Pool frames [B, T, D] to [B, D], length 1, by a softmax of their dot products with `score` [D].

    The softmax is over each video's own frames.
    """
    assert isinstance(frames, Frames)
    values = frames.values.to(score.dtype)
    weights = (values @ score).masked_fill(~frames.mask, -torch.inf).softmax(dim=1)
    return unit((weights[..., None] * values).sum(dim=1))
