"""One affine map of several features side by side, kept feature by feature so that nothing sparse is made dense."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.features import Feature, pick
from fusion.transform import project


class Affine(nn.Module):
    """Map K features into S spaces of width W at once: [f_1, ..., f_K] A + b.

    A of each space is Xavier-uniform over all its rows and its W columns; b is 0.
    """

    def __init__(self, dims: Mapping[str, int], width: int, spaces: int = 1) -> None:
        super().__init__()
        self.dims = dict(dims)
        bound = (6 / (sum(dims.values()) + width)) ** 0.5
        self.weight = nn.ParameterDict(
            {name: torch.empty(dim, spaces * width).uniform_(-bound, bound) for name, dim in dims.items()}
        )
        self.bias = nn.Parameter(torch.zeros(spaces * width))

    def forward(self, features: Mapping[str, Feature]) -> Tensor:
        """Map features[k], [B, D_k] dense or sparse -> [B, S * W].

        Raises ValueError naming a feature that is missing or has another width.
        """
        picked = pick(features, self.dims)
        parts = (project(feature, self.weight[name]) for name, feature in zip(self.dims, picked, strict=True))
        return sum(parts, start=self.bias)
