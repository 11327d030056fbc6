"""Layers of torch that draw no random weights, for networks of which a file has every one.

(On the device "meta" nothing is drawn either, but it imports torch._dynamo, which takes a second.)
"""

from torch import nn


class Linear(nn.Linear):
    """nn.Linear whose weights are whatever the memory held."""

    def reset_parameters(self) -> None:
        """Draw nothing."""


class Embedding(nn.Embedding):
    """nn.Embedding whose weights are whatever the memory held."""

    def reset_parameters(self) -> None:
        """Draw nothing."""


class Attention(nn.MultiheadAttention):
    """nn.MultiheadAttention whose weights are whatever the memory held, but for its last layer, which draws its own."""

    def _reset_parameters(self) -> None:
        pass
