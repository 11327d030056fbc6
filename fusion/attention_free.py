"""Attention-free fusion: in each head one learned number for each feature, the same for every video.

Source: the LAFF paper names it but gives no equation. The authors' released code has two candidates: this one
(attention index 3: a learned weight per feature and a bias, no softmax, no norm) and the plain mean (index 4, here
fusion.mean.Mean). It is not known which of them the paper's row shows, nor whether each head has its own numbers. Here
it has, as in LAFF.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

import torch
from torch import Tensor, nn

from fusion.enter import EnterBlock, EnterSizes
from fusion.features import Feature


class AttentionFree(EnterBlock):
    """Weighted sum of K features in each head: H vectors of each, as in LAFF; head h: fused = sum_k a_hk f_k + b_h.

    The numbers a start as the weights of a Linear(K, 1), the b at 0. They may be negative and need not sum to one, so
    they are not returned as weights, which are shares. Parameters and errors are those of
    `EnterBlock`.
    """

    convex = False
    symmetric = True

    def __init__(self, **sizes: Unpack[EnterSizes]) -> None:
        super().__init__(**sizes)
        bound = len(self.dims) ** -0.5
        self.weight = nn.ParameterDict({name: torch.empty(self.heads).uniform_(-bound, bound) for name in self.dims})
        self.bias = nn.Parameter(torch.zeros(self.heads))

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, None]:
        """Fuse features[k], [B, D_k] dense or sparse -> fused [B, H, W]; there are no weights of features.

        Raises ValueError naming a feature that is missing or has another width.
        """
        weight = torch.stack([self.weight[name] for name in self.dims])[..., None]  # [K, H, 1]
        return (weight * self.enter(features)).sum(dim=1) + self.bias[:, None], None
