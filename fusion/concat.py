"""Concat: the concatenation of W2VV++, all features side by side, one linear map, one space.

Source: Li et al., "W2VV++: Fully Deep Learning for Ad-hoc Video Search", ACM MM 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

import torch
from torch import Tensor

from fusion.affine import Affine
from fusion.block import Block, Sizes
from fusion.cpu.dropout import Dropout
from fusion.features import Feature


class Concat(Block):
    """One map of all features into a single space of heads * width columns: dropout(tanh([f_1, ..., f_K] A + b)).

    The parameters are those of `Block`, so that one stage entry serves this block and LAFF; W2VV++ itself has
    `heads: 1, width: 2048`. `raw` changes nothing, because here every feature enters as it is.
    """

    convex = False
    symmetric = True  # the rows of A go by their feature's name

    def __init__(self, **sizes: Unpack[Sizes]) -> None:
        super().__init__(**sizes)
        self.affine = Affine(self.dims, self.heads * self.width)
        self.drop = Dropout(self.dropout)

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, None]:
        """Fuse features[k], [B, D_k] dense or sparse -> fused [B, 1, H * W]; there are no weights of features.

        Raises ValueError naming a feature that is missing or has another width.
        """
        return self.drop(torch.tanh(self.affine(features)))[:, None], None
