"""Enter: the first layer of most blocks, where each feature becomes H vectors of width W, learned or, if raw, tiled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Unpack

import torch
from torch import Tensor, nn

from fusion.block import Block, Sizes
from fusion.features import Feature, pick
from fusion.transform import Tile, Transform, check_block


class Enter(nn.ModuleDict):
    """A Transform for each feature of `dims`, a Tile for those that `raw` names; names that `dims` lacks are ignored.

    `norm` puts batch normalisation behind every Transform. With `one_space` a raw feature may be wider than a head: it
    is then tiled as often as it fits into the H * W columns.
    Raises ValueError for sizes below 1, dropout outside [0, 1), and a raw feature wider than a head.
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        heads: int,
        width: int,
        dropout: float,
        raw: Collection[str] = (),
        norm: bool = False,
        one_space: bool = False,
    ) -> None:
        check_block(dict(dims), heads, width, dropout)
        super().__init__(
            {
                name: Tile(name, dim, *_tiles(dim, heads, width, one_space))
                if name in raw
                else Transform(dim, heads * width, dropout, norm)
                for name, dim in dims.items()
            }
        )
        self._dims = dict(dims)
        self._shape = (heads, width)

    def forward(self, features: Mapping[str, Feature]) -> Tensor:
        """Map features[k], [B, D_k] dense or sparse -> [B, K, H, W], K in the order of `dims`.

        Raises ValueError naming a feature that is missing or has another width.
        """
        picked = pick(features, self._dims)
        entered = [layer(feature) for layer, feature in zip(self.values(), picked, strict=True)]
        return torch.unflatten(torch.stack(entered, dim=1), -1, self._shape)


class EnterSizes(Sizes, total=False):
    """Parameters of `EnterBlock`, for blocks that pass them on."""

    norm: bool


class EnterBlock(Block):
    """Base of the blocks that begin with `Enter`; `one_space` says whether the heads are one space together.

    Raises ValueError as `Block` does, and for a raw feature wider than a head, or in one space wider than all heads.
    """

    one_space = False

    def __init__(
        self,
        *,
        norm: bool = False,  # batch normalisation behind every learned map too
        **sizes: Unpack[Sizes],
    ) -> None:
        super().__init__(**sizes)
        self.enter = Enter(self.dims, self.heads, self.width, self.dropout, self.raw, norm, self.one_space)


def _tiles(dim: int, heads: int, width: int, one_space: bool) -> tuple[int, int]:
    """Number and width of a raw feature's tiles: those of the heads, or in one space fewer and wider ones."""
    columns = heads * width
    fitting = (count for count in range(heads, 1, -1) if columns % count == 0 and columns // count >= dim)
    count = next(fitting, 1) if one_space else heads
    return count, columns // count
