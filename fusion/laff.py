"""LAFF: lightweight attentional feature fusion, a convex combination of the features in each of several heads.

Source: Hu et al., "Lightweight Attentional Feature Fusion: A New Baseline for Text-to-Video Retrieval", ECCV 2022, as
the authors' released code executes it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.enter import Enter
from fusion.features import Feature


class LAFF(nn.Module):
    """Every feature becomes H vectors of width W; in each head a softmax over the K features weighs them.

    Head h: a = softmax_k(w_h . f_k), fused = sum_k a_k f_k, with one w_h for all features. (A bias there would be the
    same for all features and the softmax would cancel it, so there is none.) `raw` names features that enter without
    a learned map: tiled to every head, then batch normalisation. Names in it that `dims` lacks are ignored, so that
    both sides of a model can share their parameters. `norm` puts batch normalisation behind every learned map too.
    Raises ValueError for sizes below 1, dropout outside [0, 1), and a raw feature wider than a head.
    """

    convex = True
    symmetric = True

    def __init__(
        self,
        *,
        dims: dict[str, int],
        heads: int = 8,  # spaces that features are fused in, each with weights of its own
        width: int = 512,  # columns of a head
        dropout: float = 0.2,  # share of values dropped while learning
        raw: tuple[str, ...] = ("clip-ft",),  # features taken as they are, not through a learned map
        norm: bool = False,  # batch normalisation behind every learned map too
    ) -> None:
        super().__init__()
        self.dims = dict(dims)
        self.enter = Enter(dims, heads, width, dropout, raw, norm)
        self.score = nn.Parameter(torch.empty(heads, width))
        nn.init.uniform_(self.score, -(width**-0.5), width**-0.5)  # as a Linear(width, 1) starts

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, Tensor]:
        """features[k]: [B, D_k] dense or sparse -> fused [B, H, W], weights [B, H, K] that sum to one over K.

        K is in the order of `dims`. Raises ValueError naming a feature that is missing or has another width.
        """
        entered = self.enter(features)  # [B, K, H, W]
        weights = (entered * self.score).sum(dim=-1).softmax(dim=1)  # [B, K, H]
        fused = (weights[..., None] * entered).sum(dim=1)
        return fused, weights.transpose(1, 2)
