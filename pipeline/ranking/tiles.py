"""Matrix products that give equal rows equal scores, wherever the rows stand.

The kernels of a product (MKL's, for one) work on tiles of rows. They sum the rows left over behind the last full tile
in another order, which changes the last bits of their scores. So products have a multiple of TILE rows: rows of zeros
fill the last tile, and their scores are cut off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

TILE = 16  # of the row counts 1..299 at five widths, no multiple of 16 gave equal rows different scores


def whole_tiles(rows: int) -> int:
    """The multiple of TILE at or below a number of rows, at least one TILE."""
    return max(TILE, rows // TILE * TILE)


def tiles_over(rows: int) -> int:
    """The multiple of TILE at or above a number of rows."""
    return -(-rows // TILE) * TILE


def filled(vectors: Tensor) -> Tensor:
    """Vectors [N, D] with rows of zeros behind them, up to a multiple of TILE; no copy where none is needed."""
    from torch.nn.functional import pad

    more = tiles_over(len(vectors)) - len(vectors)
    return pad(vectors, (0, 0, 0, more)) if more else vectors
