"""SEA: a space for each text feature.

Source: Li et al., "SEA: Sentence Encoder Assembly for Video Retrieval by Textual Queries", IEEE TMM 2021.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.affine import Affine
from fusion.cpu.dropout import Dropout
from fusion.features import Feature, pick
from fusion.spaces import Spaces, unit
from fusion.transform import Transform, check_model


class SEA(Spaces):
    """Space i: text feature i in a map of its own, beside all video features side by side in another.

    Map: dropout(tanh(x A_i + b_i)), as in W2VV++. The loss is the sum of the spaces' losses. The score is the mean of
    the cosines, which ranks as the authors' sum does. Raises ValueError for sizes below 1 and dropout outside [0, 1).
    """

    def __init__(
        self,
        *,
        video_dims: dict[str, int],
        text_dims: dict[str, int],
        width: int = 2048,  # of each space
        dropout: float = 0.2,  # share of values dropped while learning
        encoders: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__(encoders)
        check_model(video_dims, text_dims, dropout, width=width)
        self.text_dims = dict(text_dims)
        self.spaces = len(text_dims)
        self.video = Affine(video_dims, width, self.spaces)
        self.text = nn.ModuleDict({name: Transform(dim, width, dropout) for name, dim in text_dims.items()})
        self.dropout = Dropout(dropout)

    def video_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Map video features, [B, D_k] -> [B, S, W], S text features; unit length in each space."""
        return unit(self.dropout(torch.tanh(self.video(features))).unflatten(1, (self.spaces, -1)))

    def text_units(self, features: Mapping[str, Feature]) -> Tensor:
        """Map text features, B rows each -> [B, S, W], unit length in each space; S in the order of `text_dims`."""
        picked = pick(self.encode(features), self.text_dims)
        return unit(
            torch.stack([layer(feature) for layer, feature in zip(self.text.values(), picked, strict=True)], dim=1)
        )
