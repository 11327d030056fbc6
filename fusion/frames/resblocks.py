"""The layers of CLIP's transformer, over frames: learned positions, residual attention, masked where padding is."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from fusion.frames.padding import check_tied
from fusion.frames.positions import start

HEAD = 64  # channels of a head in OpenAI's text transformers
EPS = 1e-12  # of LayerNorms in CLIP4Clip's released code, for layers that start from CLIP (there 1e-5) too


class QuickGELU(nn.Module):
    """Activation of OpenAI's CLIP: x sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, element by element."""
        return x * torch.sigmoid(1.702 * x)


class Resblock(nn.Module):
    """One layer: x + attention(LayerNorm x), then x + MLP(LayerNorm x); tensors are named as in open_clip."""

    def __init__(self, dim: int, heads: int, inner: int = 0, act: nn.Module | None = None) -> None:
        """Build a layer like OpenAI's, but for `EPS`: by default 4 * dim channels in the MLP, and QuickGELU."""
        super().__init__()
        inner = inner or 4 * dim
        self.ln_1 = nn.LayerNorm(dim, eps=EPS)
        self.attn = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(dim, eps=EPS)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(dim, inner), "gelu": act or QuickGELU(), "c_proj": nn.Linear(inner, dim)}
        )

    @classmethod
    def like(cls, block: Any) -> Resblock:
        """Copy a layer of open_clip: the same weights, and the same function but for `EPS`. See `unlike`."""
        inner = block.mlp.c_fc.out_features
        copy = cls(block.attn.embed_dim, block.attn.num_heads, inner, deepcopy(block.mlp.gelu))
        copy.load_state_dict(block.state_dict())
        return copy

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """Output [B, T, D] for x [B, T, D]; padding [B, T] bool, true where no attention may go."""
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, key_padding_mask=padding, need_weights=False)[0]
        y = self.mlp["c_fc"](self.ln_2(x))
        out: Tensor = x + self.mlp["c_proj"](self.mlp["gelu"](y))
        return out


class Resblocks(nn.Module):
    """Several layers over sequences of `length`, to which learned positions are added; `dropout` acts on the sum.

    Weights start from N(0, 0.02), those of attention as torch draws them. `start_from` replaces them by the first
    layers of CLIP's text side, with their heads, activation and MLP. heads 0: one for each 64 channels, or as in CLIP.
    """

    def __init__(self, *, length: int, dim: int, layers: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout:g}; it should be at least 0 and below 1")
        self.heads = heads
        heads = heads or max(1, dim // HEAD)
        if layers < 1 or heads < 1:
            raise ValueError(f"layers is {layers} and heads {heads}; both should be at least 1")
        if dim % heads:
            raise ValueError(f"width {dim} cannot be cut into {heads} heads; set heads to a divisor of {dim}")
        self.length = length
        self.dim = dim
        self.positional_embedding = nn.Parameter(torch.empty(length, dim))
        nn.init.normal_(self.positional_embedding, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.resblocks = nn.ModuleList(Resblock(dim, heads) for _ in range(layers))
        start(self)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Output [B, T, D] for x [B, T, D]; mask [B, T] bool: what is false is seen by none. T is `length`."""
        check_tied(x, self.length)
        x = self.dropout(x + self.positional_embedding)
        for block in self.resblocks:
            x = block(x, ~mask)
        return x

    def start_from(self, positions: Tensor, blocks: Sequence[Any]) -> None:
        """Take over the first positions and layers of a CLIP text transformer.

        positions [L, D]; blocks: its layers, as open_clip builds them. Raises ValueError where the transformer has
        another width, fewer layers or positions, other heads than were asked for, or layers of another kind.
        """
        mismatches = []
        if positions.shape[1] != self.dim:
            mismatches.append(f"it is {positions.shape[1]} wide and frames are {self.dim}")
        if len(blocks) < len(self.resblocks):
            mismatches.append(f"it has {len(blocks)} layers of the {len(self.resblocks)}")
        if len(positions) < self.length:
            mismatches.append(f"it has {len(positions)} positions of the {self.length}")
        if any(unlike(block) for block in blocks):
            mismatches.append("its layers have parts that those of OpenAI's lack")
        elif self.heads and self.heads != blocks[0].attn.num_heads:
            mismatches.append(f"it has {blocks[0].attn.num_heads} heads and heads is {self.heads}")
        if mismatches:
            raise ValueError(
                f"the frames' transformer cannot start from CLIP's text side: {', '.join(mismatches)}; "
                "set start: random in aggregate_params, or fewer layers or frames"
            )
        self.resblocks = nn.ModuleList(Resblock.like(block) for block in blocks[: len(self.resblocks)])
        with torch.no_grad():
            self.positional_embedding.copy_(positions[: self.length])


def unlike(block: Any) -> bool:
    """Whether a layer of open_clip is another function than Resblock: with scales, other norms or attention."""
    plain = all(isinstance(getattr(block, name, None), nn.LayerNorm) for name in ("ln_1", "ln_2"))
    scales = [name for name in ("ls_1", "ls_2") if not isinstance(getattr(block, name, nn.Identity()), nn.Identity)]
    attention = type(getattr(block, "attn", None)) is nn.MultiheadAttention
    steps = [name for name, _ in block.mlp.named_children()] if hasattr(block, "mlp") else []
    return not plain or bool(scales) or not attention or steps != ["c_fc", "gelu", "c_proj"]
