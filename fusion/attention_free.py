"""Attention-free fusion: in each head one learned number for each feature, the same for every video.

Source: the LAFF paper names it but does not write it out. The authors' released code has two candidates: this one
(attention index 3: a learned weight per feature and a bias, no softmax, no norm) and the plain mean (index 4, here
fusion.mean.Mean). Which of them the paper's row shows is not known; nor whether each head has numbers of its own, as
here, since LAFF's heads have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

import torch
from torch import Tensor, nn

from fusion.block import Block, Sizes
from fusion.enter import Enter
from fusion.features import Feature


class AttentionFree(Block):
    """Every feature becomes H vectors of width W, as in LAFF; head h: fused = sum_k a_hk f_k + b_h.

    The a start as the weights of a Linear(K, 1), the b at 0. They may be negative and have no sum, so they are not
    given back as weights: those of a block are shares. Parameters and errors are LAFF's.
    """

    convex = False
    symmetric = True

    def __init__(
        self,
        *,
        norm: bool = False,  # batch normalisation behind every learned map too
        **sizes: Unpack[Sizes],
    ) -> None:
        super().__init__(**sizes)
        self.enter = Enter(self.dims, self.heads, self.width, self.dropout, self.raw, norm)
        bound = len(self.dims) ** -0.5
        self.weight = nn.ParameterDict({name: torch.empty(self.heads).uniform_(-bound, bound) for name in self.dims})
        self.bias = nn.Parameter(torch.zeros(self.heads))

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, None]:
        """features[k]: [B, D_k] dense or sparse -> fused [B, H, W]; there are no weights per feature.

        Raises ValueError naming a feature that is missing or has another width.
        """
        weight = torch.stack([self.weight[name] for name in self.dims])[..., None]  # [K, H, 1]
        return (weight * self.enter(features)).sum(dim=1) + self.bias[:, None], None
