"""MHSA: multi-head self-attention over the features of one side, LAFF's heavier rival.

Source: attention index 10 of the LAFF authors' released code; Vaswani et al., "Attention Is All You Need", NIPS 2017.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from fusion.enter import EnterBlock
from fusion.features import Feature


class MHSA(EnterBlock):
    """Mean over K features in a single space of d = heads * width columns: mean_k LayerNorm(f_k + attention(f)_k).

    Every feature enters as in LAFF, in d columns at once; attention has `heads` heads of `width` columns each, with
    projections of queries, keys, values and output (4 d^2 numbers). d is 1,024 as on the LAFF paper's poster; with the
    4,096 columns of LAFF it would have 67 million numbers a side. A raw feature that is wider than a head is tiled as
    often as it fits into d. Parameters and errors are those of `EnterBlock`.
    """

    convex = False
    symmetric = True
    one_space = True
    own = ("heads", "width")  # as a baseline of another block it has these of its own, not that block's

    def __init__(
        self,
        *,
        dims: dict[str, int],  # width D_k of each feature
        heads: int = 8,  # of attention
        width: int = 128,  # columns of a head; d = heads * width
        dropout: float = 0.2,  # share of values dropped while learning
        raw: tuple[str, ...] = (),  # features taken as they are, not through a learned map
        norm: bool = False,  # batch normalisation behind every learned map too
    ) -> None:
        super().__init__(dims=dims, heads=heads, width=width, dropout=dropout, raw=raw, norm=norm)
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
