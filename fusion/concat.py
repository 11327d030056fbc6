"""Concatenation, the baseline of W2VV++: all features side by side, one linear map, one space.

Source: Li et al., "W2VV++: Fully Deep Learning for Ad-hoc Video Search", ACM MM 2019.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.affine import Affine
from fusion.cpu.dropout import Dropout
from fusion.features import Feature
from fusion.transform import check_block


class Concat(nn.Module):
    """dropout(tanh([f_1, ..., f_K] A + b)) in a single space as wide as all heads of LAFF together.

    Takes LAFF's parameters, so that one stage entry serves both; W2VV++ itself has `heads: 1, width: 2048`. `raw`
    changes nothing, because here every feature enters as it is.
    Raises ValueError for sizes below 1 and dropout outside [0, 1).
    """

    convex = False
    symmetric = True  # the rows of A go by their feature's name

    def __init__(
        self,
        *,
        dims: dict[str, int],
        heads: int = 8,  # with width: one space of heads * width columns
        width: int = 512,  # see heads
        dropout: float = 0.2,  # share of values dropped while learning
        raw: tuple[str, ...] = ("clip-ft",),  # changes nothing here: every feature enters as it is
    ) -> None:
        super().__init__()
        check_block(dims, heads, width, dropout)
        self.dims = dict(dims)
        self.affine = Affine(dims, heads * width)
        self.dropout = Dropout(dropout)

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, None]:
        """features[k]: [B, D_k] dense or sparse -> fused [B, 1, H * W]; there are no weights per feature.

        Raises ValueError naming a feature that is missing or has another width.
        """
        return self.dropout(torch.tanh(self.affine(features)))[:, None], None
