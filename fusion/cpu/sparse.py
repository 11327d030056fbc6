"""Sparse rows times a weight; its gradient has only the rows that they touch.

The bags of words of a batch hold about 300 of 7,650 words. A dense gradient would be 25 times as large, and as slow to
make, to take the norm of and to step through.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from fusion.cpu import plain
from fusion.features import Sparse, to_device


def weighted_rows(feature: Sparse, weight: Tensor) -> Tensor:
    """Multiply feature [B, D] by weight [D, W] -> [B, W]: for each row the sum of value * weight[column].

    Where `weight` is a parameter on a CPU, its gradient is a sparse tensor that holds each row once. Otherwise the
    gradient is dense: a part of a parameter can have no other, and a GPU would have to wait for the number of rows.
    With LAFF_PLAIN=1 it is dense everywhere, as torch's embedding_bag makes it.
    """
    learns = weight.is_leaf and weight.requires_grad and torch.is_grad_enabled()
    if learns and weight.is_cpu and not plain():
        product: Tensor = _WeightedRows.apply(weight, feature.indices, feature.indptr, feature.values)
        return product
    return _forward(weight, feature.indices, feature.indptr, feature.values)


def _forward(weight: Tensor, indices: Tensor, indptr: Tensor, values: Tensor) -> Tensor:
    return functional.embedding_bag(
        indices,
        weight,
        to_device(indptr, weight.device),
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
        """Multiply X^T by the gradient [B, W], where X holds only the columns that occur."""
        indices, indptr, values = ctx.saved_tensors
        columns, places = indices.unique(return_inverse=True)
        rows = torch.repeat_interleave(indptr.diff())
        dense = gradient.new_zeros(len(columns), len(gradient))
        dense.index_put_((places, rows), values.to(gradient.dtype), accumulate=True)  # a row may hold a column twice
        return sparse_gradient(columns, dense @ gradient, ctx.shape), None, None, None


def sparse_gradient(numbers: Tensor, values: Tensor, shape: torch.Size) -> Tensor:
    """Gradient of a parameter of this shape: values [n, W] in the rows with these numbers [n], rising; 0 elsewhere."""
    return torch.sparse_coo_tensor(numbers[None], values, shape, is_coalesced=True, check_invariants=False)
