"""Mean: the plain mean of the features in each head; how they enter is learned, their weights are all the same."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from fusion.enter import EnterBlock
from fusion.features import Feature


class Mean(EnterBlock):
    """Mean over K features in each head: every feature becomes H vectors of width W, as in LAFF; fused = sum_k f_k / K.

    In the LAFF authors' code it is one of the two candidates for the paper's "attention-free" (attention index 4).
    Parameters and errors are those of `EnterBlock`.
    """

    convex = True
    symmetric = True

    def forward(self, features: Mapping[str, Feature]) -> tuple[Tensor, Tensor]:
        """Fuse features[k], [B, D_k] dense or sparse -> fused [B, H, W], weights [B, H, K], all of them 1 / K.

        Raises ValueError naming a feature that is missing or has another width.
        """
        entered = self.enter(features)  # [B, K, H, W]
        batch, count, heads, _ = entered.shape
        return entered.mean(dim=1), entered.new_full((batch, heads, count), 1 / count)
