"""How one feature enters a block: a learned map for most, tiling with batch normalisation for raw ones."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fusion.cpu.dropout import Dropout
from fusion.cpu.sparse import weighted_rows
from fusion.features import Sparse


def check_block(dims: dict[str, int], heads: int, width: int, dropout: float) -> None:
    """Check the sizes of a block; raise ValueError for what no block can have."""
    if not dims:
        raise ValueError("dims is empty; a block needs at least one feature")
    for name, size in {**dims, "heads": heads, "width": width}.items():
        if size < 1:
            raise ValueError(f"{name} is {size}; it should be at least 1")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}; it should be at least 0 and below 1")


def check_model(video_dims: Mapping[str, int], text_dims: Mapping[str, int], dropout: float, **sizes: int) -> None:
    """Check the features and sizes of a model of two sides; raise ValueError for what no model can have."""
    for side, dims in (("video", video_dims), ("text", text_dims)):
        if not dims:
            raise ValueError(f"the {side} side has no feature; a model needs at least one")
        check_block({**dims, **sizes}, 1, 1, dropout)


def project(feature: Tensor | Sparse, weight: Tensor) -> Tensor:
    """Multiply feature [B, D] by weight [D, W] -> [B, W]; for a sparse row, as a weighted sum of rows of `weight`."""
    if isinstance(feature, Sparse):
        return weighted_rows(feature, weight)
    return feature.to(weight.dtype) @ weight


class BatchNorm(nn.BatchNorm1d):
    """BatchNorm1d that also takes a batch of one: it then uses the running statistics and does not change them."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x: [B, W] -> [B, W]."""
        if self.training and len(x) == 1:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(x)


class Transform(nn.Module):
    """Learned map dropout(tanh(x A + b)), [B, D] dense or sparse -> [B, W]; with `norm`, batch normalisation after it.

    The weight is stored as A [D, W], so that an entry of a sparse row reads one contiguous row of A. A starts
    Xavier-uniform, b at 0.
    """

    def __init__(self, dim: int, width: int, dropout: float, norm: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(dim, width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.dropout = Dropout(dropout)
        self.norm = BatchNorm(width) if norm else nn.Identity()
        nn.init.xavier_uniform_(self.weight)

    def forward(self, feature: Tensor | Sparse) -> Tensor:
        """Map feature [B, D] -> [B, W]."""
        entered: Tensor = self.norm(self.dropout(torch.tanh(project(feature, self.weight) + self.bias)))
        return entered


class Tile(nn.Module):
    """Tiling: the same vector for every head, then BatchNorm1d(heads * width): [B, D] -> [B, H * W], D at most W.

    All tiles have the same batch statistics. So these are computed once for W columns, and only the affine part is kept
    for each head; this gives the same result as tiling first. A batch of one has no variance: it is normalised with the
    running statistics and does not change them.
    """

    momentum = 0.1
    eps = 1e-5
    mean: Tensor
    var: Tensor

    def __init__(self, name: str, dim: int, heads: int, width: int) -> None:
        super().__init__()
        if dim > width:
            raise ValueError(
                f"feature '{name}' is raw and has width {dim}, more than a head's {width}; raise width, or "
                f"take '{name}' out of raw (what `raw` names enters as it is; others are mapped to a head's width)"
            )
        self.name = name
        self.width = width
        self.weight = nn.Parameter(torch.ones(heads, width))
        self.bias = nn.Parameter(torch.zeros(heads, width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("var", torch.ones(width))

    def forward(self, feature: Tensor | Sparse) -> Tensor:
        """Tile a dense feature [B, D] -> [B, H * W]; a narrower one is padded with zeros."""
        if isinstance(feature, Sparse):
            raise ValueError(f"feature '{self.name}' is sparse and cannot be raw; take it out of raw")
        padded = F.pad(feature.to(self.weight.dtype), (0, self.width - feature.shape[-1]))
        by_batch = self.training and len(padded) > 1
        normal = F.batch_norm(padded, self.mean, self.var, None, None, by_batch, self.momentum, self.eps)
        return torch.addcmul(self.bias, normal[:, None], self.weight).flatten(1)
