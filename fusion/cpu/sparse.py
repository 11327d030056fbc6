"""Sparse rows times a weight, with a gradient of the rows that they touch alone.

The bags of words of a batch hold about 300 of 7,650 words: a dense gradient would be 25 times as large, and so would be
the time of making it, taking its norm and stepping through it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from fusion.cpu import plain
from fusion.features import Sparse, sent


def weighted_rows(rows: Sparse, weight: Tensor) -> Tensor:
    """rows [B, D] times weight [D, W] -> [B, W]: for each row the sum of value * weight[column].

    Where `weight` is a parameter on a CPU its gradient is a sparse tensor, each row of it standing once; else it is
    dense: a part of a parameter cannot have another, and a GPU would have to wait to learn how many rows there are.
    With LAFF_PLAIN=1 it is dense everywhere, as torch's embedding_bag makes it.
    """
    learns = weight.is_leaf and weight.requires_grad and torch.is_grad_enabled()
    if learns and weight.is_cpu and not plain():
        found: Tensor = _WeightedRows.apply(weight, rows.indices, rows.indptr, rows.values)
        return found
    return _forward(weight, rows.indices, rows.indptr, rows.values)


def _forward(weight: Tensor, indices: Tensor, indptr: Tensor, values: Tensor) -> Tensor:
    return functional.embedding_bag(
        indices,
        weight,
        sent(indptr, weight.device),
        mode="sum",
        per_sample_weights=values.to(weight.dtype),
        include_last_offset=True,
    )


class _WeightedRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, indices: Tensor, indptr: Tensor, values: Tensor) -> Tensor:
        ctx.save_for_backward(indices, indptr, values)
        ctx.shape = weight.shape
        return _forward(weight, indices, indptr, values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """X^T times the gradient [B, W], where X holds only the columns that occur."""
        indices, indptr, values = ctx.saved_tensors
        columns, place = indices.unique(return_inverse=True)
        row = torch.repeat_interleave(indptr.diff())
        dense = gradient.new_zeros(len(columns), len(gradient))
        dense.index_put_((place, row), values.to(gradient.dtype), accumulate=True)  # a column may stand twice in a row
        return sparse_gradient(columns, dense @ gradient, ctx.shape), None, None, None


def sparse_gradient(rows: Tensor, values: Tensor, shape: torch.Size) -> Tensor:
    """The gradient of a parameter of this shape: values [n, W] at rows [n], which rise; 0 elsewhere."""
    return torch.sparse_coo_tensor(rows[None], values, shape, is_coalesced=True, check_invariants=False)
