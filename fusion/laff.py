"""LAFF: lightweight attentional feature fusion, a convex combination of the features in each of several heads.

Source: Hu et al., "Lightweight Attentional Feature Fusion: A New Baseline for Text-to-Video Retrieval", ECCV 2022, as
the authors' released code executes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

import torch
from torch import Tensor, nn

from fusion.enter import EnterBlock, EnterSizes
from fusion.features import Feature


class LAFF(EnterBlock):
    """Convex combination of K features in each of H heads: features become H vectors of width W, weighed by a softmax.

    Head h: a = softmax_k(w_h . f_k), fused = sum_k a_k f_k, with one w_h for all features. (A bias there would be the
    same for all features and the softmax would cancel it, so there is none.) A raw feature enters without a learned
    map: tiled to every head, then batch normalisation. `norm` puts batch normalisation behind every learned map too.
    Parameters and errors are those of `EnterBlock`.
    """

    convex = True
    symmetric = True

    def __init__(self, **sizes: Unpack[EnterSizes]) -> None:
        super().__init__(**sizes)
        self.score = head_scores(self.heads, self.width)

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, Tensor]:
        """Fuse features[k], [B, D_k] dense or sparse -> fused [B, H, W], weights [B, H, K] that sum to one over K.

        K is in the order of `dims`. Raises ValueError naming a feature that is missing or has another width.
        """
        return attend(self.enter(features), self.score)


def head_scores(heads: int, width: int) -> nn.Parameter:
    """Draw the vector w_h of each head, [H, W]: uniform, as a Linear(width, 1) starts."""
    bound = width**-0.5
    return nn.Parameter(torch.empty(heads, width).uniform_(-bound, bound))


def attend(entered: Tensor, score: Tensor) -> tuple[Tensor, Tensor]:
    """Weigh features by a softmax over K in each head.

    entered [B, K, H, W], score [H, W] -> fused [B, H, W], weights [B, H, K].
    """
    weights = (entered * score).sum(dim=-1).softmax(dim=1)  # [B, K, H]
    return (weights[..., None] * entered).sum(dim=1), weights.transpose(1, 2)
