"""Layers of torch that draw no random weights, for networks of which a file has every one.

(On the device "meta" nothing is drawn either, but it imports torch._dynamo, which takes a second.)
"""

from torch import nn


class Linear(nn.Linear):
    """nn.Linear with whatever the memory held."""

    def reset_parameters(self) -> None:
        """Nothing."""


class Embedding(nn.Embedding):
    """nn.Embedding with whatever the memory held."""

    def reset_parameters(self) -> None:
        """Nothing."""


class Attention(nn.MultiheadAttention):
    """nn.MultiheadAttention with whatever the memory held; its last layer, an nn.Linear of its own, draws."""

    def _reset_parameters(self) -> None:
        pass
