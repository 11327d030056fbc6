"""Concatenation, the baseline of W2VV++: all features side by side, one linear map, one space.

Source: Li et al., "W2VV++: Fully Deep Learning for Ad-hoc Video Search", ACM MM 2019.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.features import Feature, pick
from fusion.transform import check_block, project


class Concat(nn.Module):
    """dropout(tanh([f_1, ..., f_K] A + b)) in a single space as wide as all heads of LAFF together.

    Takes LAFF's parameters, so that one stage entry serves both; `raw` changes nothing, because here every feature
    enters as it is. Raises ValueError for sizes below 1 and dropout outside [0, 1).
    """

    convex = False
    symmetric = False

    def __init__(
        self,
        *,
        dims: dict[str, int],
        heads: int = 8,
        width: int = 512,
        dropout: float = 0.2,
        raw: tuple[str, ...] = ("clip-ft",),
    ) -> None:
        super().__init__()
        check_block(dims, heads, width, dropout)
        self.dims = dict(dims)
        self.weight = nn.Parameter(torch.empty(sum(dims.values()), heads * width))
        self.bias = nn.Parameter(torch.zeros(heads * width))
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.weight)

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, None]:
        """features[k]: [B, D_k] dense or sparse -> fused [B, 1, H * W]; there are no weights per feature.

        Raises ValueError naming a feature that is missing or has another width.
        """
        parts = self.weight.split(list(self.dims.values()))  # rows of A for each feature: nothing sparse is made dense
        given = pick(features, self.dims)
        total = self.bias + sum(project(feature, part) for feature, part in zip(given, parts, strict=True))
        return self.dropout(torch.tanh(total))[:, None], None
