"""Block: what every fusion block is given, and the sizes that it keeps."""

from __future__ import annotations

from typing import Required, TypedDict

from torch import nn

from fusion.transform import check_block


class Sizes(TypedDict, total=False):
    """The parameters of `Block`, for blocks that pass them on and have some of their own."""

    dims: Required[dict[str, int]]
    heads: int
    width: int
    dropout: float
    raw: tuple[str, ...]


class Block(nn.Module):
    """Base of the blocks: K features of one side in, one fused vector of H * W columns out.

    `raw` names features that enter without a learned map; names in it that `dims` lacks are ignored, so that both sides
    of a model can share their parameters. A block says by two class attributes what holds of it: `convex`, its weights
    are positive and sum to one; `symmetric`, the order of `dims` makes no difference. Its `forward` maps
    {name: [B, D_k]} to (fused [B, H, W] or [B, 1, H * W], weights [B, H, K] or None), and raises ValueError naming a
    feature that is missing or has another width.
    Raises ValueError for sizes below 1 and dropout outside [0, 1).
    """

    convex: bool
    symmetric: bool

    def __init__(
        self,
        *,
        dims: dict[str, int],  # width D_k of each feature, in the order of the weights
        heads: int = 8,  # parts of the fused vector; where a block weighs features, each part has its own weights
        width: int = 512,  # columns of a head
        dropout: float = 0.2,  # share of values dropped while learning
        raw: tuple[str, ...] = (),  # features taken as they are, not through a learned map
    ) -> None:
        super().__init__()
        check_block(dims, heads, width, dropout)
        self.dims = dict(dims)
        self.heads = heads
        self.width = width
        self.dropout = dropout
        self.raw = tuple(raw)
