"""MHSA: multi-head self-attention over the features of one side, LAFF's heavier rival.

Source: attention index 10 of the LAFF authors' released code; Vaswani et al., "Attention Is All You Need", NIPS 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from torch import Tensor, nn

from fusion.enter import EnterBlock, EnterSizes
from fusion.features import Feature


class MHSA(EnterBlock):
    """Mean over K features in a single space of d = heads * width columns: mean_k LayerNorm(f_k + attention(f)_k).

    Every feature enters as in LAFF, in d columns at once; attention has `heads` heads of `width` columns each, with
    projections of queries, keys, values and output (4 d^2 numbers): for d = 1,024 give it `width: 128` of its own.
    A raw feature that is wider than a head is tiled as often as it fits into d. Parameters and errors are those of
    `EnterBlock`.
    """

    convex = False
    symmetric = True
    one_space = True

    def __init__(self, **sizes: Unpack[EnterSizes]) -> None:
        super().__init__(**sizes)
        columns = self.heads * self.width
        self.attention = nn.MultiheadAttention(columns, self.heads, batch_first=True)
        self.norm = nn.LayerNorm(columns)

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, None]:
        """Fuse features[k], [B, D_k] dense or sparse -> fused [B, 1, H * W]; features have no weights in it.

        Raises ValueError naming a feature that is missing or has another width.
        """
        entered = self.enter(features).flatten(2)  # [B, K, d]
        mixed, _ = self.attention(entered, entered, entered, need_weights=False)
        return self.norm(entered + mixed).mean(dim=1, keepdim=True), None
