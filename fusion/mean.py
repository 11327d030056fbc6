"""The plain mean of the features in each head: fusion that learns how features enter and weighs them all the same."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from fusion.enter import Enter
from fusion.features import Feature


class Mean(nn.Module):
    """Every feature becomes H vectors of width W, as in LAFF; fused = sum_k f_k / K in each head.

    In the LAFF authors' code it is one of the two candidates for the paper's "attention-free" (attention index 4).
    Parameters and errors are LAFF's.
    """

    convex = True
    symmetric = True

    def __init__(
        self,
        *,
        dims: dict[str, int],
        heads: int = 8,  # times width: columns of the fused vector
        width: int = 512,  # see heads
        dropout: float = 0.2,  # share of values dropped while learning
        raw: tuple[str, ...] = ("clip-ft",),  # features taken as they are, not through a learned map
        norm: bool = False,  # batch normalisation behind every learned map too
    ) -> None:
        super().__init__()
        self.dims = dict(dims)
        self.enter = Enter(dims, heads, width, dropout, raw, norm)

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, Tensor]:
        """features[k]: [B, D_k] dense or sparse -> fused [B, H, W], weights [B, H, K], all of them 1 / K.

        Raises ValueError naming a feature that is missing or has another width.
        """
        entered = self.enter(features)  # [B, K, H, W]
        rows, count, heads, _ = entered.shape
        return entered.mean(dim=1), entered.new_full((rows, heads, count), 1 / count)
