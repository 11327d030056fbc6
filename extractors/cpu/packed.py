"""A weight packed for many products with few rows, as the steps of a GRU make them: in four fifths of the time.

A product of a weight with 64 rows or fewer spends much of its time on bringing the weight into the order in which it is
multiplied. oneDNN, which comes with torch, can do this once for all steps. It keeps code and memory for each number of
rows that it meets, so it meets few: pieces of 64 rows, and the last one filled up to a multiple of 4.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

AT_ONCE, MULTIPLE = 64, 4  # rows


class Packed:
    """A weight [M, K] of a CPU, for products of rows [n, K] with it: rows W^T, [n, M], in the weight's type.

    Where this torch cannot pack, the products are torch's own; both are equal up to rounding.
    """

    def __init__(self, weight: Tensor) -> None:
        self.weight = weight
        self.packed = _pack(weight) if can_pack(weight.dtype) else None

    def __call__(self, rows: Tensor) -> Tensor:
        """The product of rows [n, K], n at least 1, with the weight: [n, M]. Autograd does not record it."""
        if self.packed is None:
            return rows @ self.weight.T
        pieces = [_product(piece, self.packed) for piece in rows.split(AT_ONCE)]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def _pack(weight: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
    return packed


def _product(rows: Tensor, packed: Tensor) -> Tensor:
    filled = functional.pad(rows, (0, 0, 0, -len(rows) % MULTIPLE))
    product: Tensor = torch.ops.mkldnn._linear_pointwise(filled, packed, None, "none", [], "")
    return product[: len(rows)]


@cache
def can_pack(dtype: torch.dtype) -> bool:
    """Whether this torch and processor pack weights of this type and multiply as they should.

    The operators are private to torch and may change; without oneDNN they are missing, and bfloat16 takes a processor
    that has it. The test: (1, 2) times the columns (3, 4) and (5, 6) is 11 and 17.
    """
    if dtype not in (torch.float32, torch.bfloat16):
        return False
    weight, rows = torch.tensor([[3, 4], [5, 6]], dtype=dtype), torch.tensor([[1, 2]], dtype=dtype)
    try:
        return bool(_product(rows, _pack(weight)).tolist() == [[11, 17]])
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return False
