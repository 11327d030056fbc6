"""How the features of one side enter a block: each becomes H vectors of width W, learned or, if raw, tiled."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from fusion.features import Feature, pick
from fusion.transform import Tile, Transform, check_block


class Enter(nn.ModuleDict):
    """A Transform for each feature of `dims`, a Tile for those that `raw` names; names that `dims` lacks are ignored.

    `norm` puts batch normalisation behind every Transform. `whole` is for blocks of one space, where a raw feature may
    be wider than a head: it is then tiled as often as it fits.
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
        whole: bool = False,
    ) -> None:
        check_block(dict(dims), heads, width, dropout)
        super().__init__(
            {
                name: Tile(name, dim, *_tiles(dim, heads, width, whole))
                if name in raw
                else Transform(dim, heads * width, dropout, norm)
                for name, dim in dims.items()
            }
        )
        self._dims = dict(dims)
        self._shape = (heads, width)

    def forward(self, features: Mapping[str, Feature]) -> Tensor:
        """features[k]: [B, D_k] dense or sparse -> [B, K, H, W], K in the order of `dims`.

        Raises ValueError naming a feature that is missing or has another width.
        """
        given = pick(features, self._dims)
        entered = [layer(feature) for layer, feature in zip(self.values(), given, strict=True)]
        return torch.stack(entered, dim=1).unflatten(-1, self._shape)


def _tiles(dim: int, heads: int, width: int, whole: bool) -> tuple[int, int]:
    """How many tiles a raw feature has, and how wide they are: those of the heads, or fewer and wider ones."""
    space = heads * width
    fits = (count for count in range(heads, 1, -1) if space % count == 0 and space // count >= dim)
    count = next(fits, 1) if whole else heads
    return count, space // count
