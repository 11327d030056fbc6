"""Trained blocks with other weights: the weight of each feature times a factor that a person chooses, sum one again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from fusion.enter import Enter
from fusion.features import Feature
from fusion.paired import Paired
from fusion.spaces import Spaces

LEAST = 1e-30  # a smaller weight counts as this one, so that a softmax that gave 0 can still be scaled


def weighable(model: Spaces | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The features of the video side and of the text side whose weights can be scaled; () of a side that has none.

    A side has them where its block is a convex combination of two features or more that enter side by side.
    """
    if not isinstance(model, Paired):
        return (), ()
    return _weighed(model.video), _weighed(model.text)


def _weighed(block: nn.Module) -> tuple[str, ...]:
    names = tuple(getattr(block, "dims", ()))
    convex = bool(getattr(block, "convex", False)) and isinstance(getattr(block, "enter", None), Enter)
    return names if convex and len(names) > 1 else ()


def entered(block: nn.Module, features: Mapping[str, Feature]) -> tuple[Tensor, Tensor]:
    """Run a block that can be weighed: what its features enter as [B, K, H, W], and their weights [B, H, K]."""
    seen: list[Tensor] = []

    def keep(layer: nn.Module, inputs: Any, out: Tensor) -> None:
        seen.append(out)

    enter = block.enter
    assert isinstance(enter, Enter)
    hook = enter.register_forward_hook(keep)
    try:
        _, weights = block(features)
    finally:
        hook.remove()
    [vectors] = seen
    return vectors, weights


def scaled(weights: Tensor, factors: Tensor) -> Tensor:
    """Weights [B, H, K] times factors [K], at least 0 and not all of them 0; their sum over K is one again."""
    products = weights.clamp_min(LEAST) * (factors / factors.max())
    return products / products.sum(dim=-1, keepdim=True)


class Weighed(nn.Module):
    """A block whose features have entered already: the sum of their vectors by scaled weights."""

    def __init__(self, factors: Tensor) -> None:
        super().__init__()
        self.factors = factors  # [K]

    def forward(self, features: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Fuse "entered" [B, K, H, W] by "weights" [B, H, K] -> fused [B, H, W], scaled weights [B, H, K]."""
        weights = scaled(features["weights"], self.factors)
        return (weights.transpose(1, 2)[..., None] * features["entered"]).sum(dim=1), weights


def embed_text(model: Paired, features: Mapping[str, Feature], factors: Tensor) -> Tensor:
    """`model.embed_text` with the weights of its text features times factors [K], in the order of its block."""
    vectors, weights = entered(model.text, model.encode(features))
    return embed_entered(vectors, weights, factors)


def embed_entered(vectors: Tensor, weights: Tensor, factors: Tensor) -> Tensor:
    """Embed what `entered` gave, [B, K, H, W] and [B, H, K], with scaled weights -> [B, H * W], as the model does."""
    block = Weighed(factors)
    return Paired(block, block).embed_video({"entered": vectors, "weights": weights})
