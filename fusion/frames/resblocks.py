"""The layers of CLIP's transformer, over frames: learned positions, residual attention, masked where padding is."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.frames.padding import check_tied
from fusion.frames.positions import start

HEAD = 64  # channels of a head in CLIP's text transformers
BLOCKS = "resblocks."


class QuickGELU(nn.Module):
    """x sigmoid(1.702 x), the activation of OpenAI's CLIP."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, element by element."""
        return x * torch.sigmoid(1.702 * x)


class Resblock(nn.Module):
    """x + attention(LayerNorm x), then x + MLP(LayerNorm x); tensors are named as in open_clip."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(dim)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(dim, 4 * dim), "gelu": QuickGELU(), "c_proj": nn.Linear(4 * dim, dim)}
        )

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """x [B, T, D], padding [B, T] bool, true where no attention may go -> [B, T, D]."""
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, key_padding_mask=padding, need_weights=False)[0]
        y = self.mlp["c_fc"](self.ln_2(x))
        return x + self.mlp["c_proj"](self.mlp["gelu"](y))


class Resblocks(nn.Module):
    """`layers` of them over sequences of `length`, to which learned positions are added.

    Starts from N(0, 0.02) and torch's own attention, or by `start_from` from the first layers of CLIP's text side.
    heads 0: one for each 64 channels.
    """

    def __init__(self, *, length: int, dim: int, layers: int, heads: int) -> None:
        super().__init__()
        heads = heads or max(1, dim // HEAD)
        if layers < 1 or heads < 1:
            raise ValueError(f"layers is {layers} and heads {heads}; both should be at least 1")
        if dim % heads:
            raise ValueError(f"width {dim} cannot be cut into {heads} heads; set heads to a divisor of {dim}")
        self.length = length
        self.dim = dim
        self.positional_embedding = nn.Parameter(torch.empty(length, dim))
        nn.init.normal_(self.positional_embedding, std=0.02)
        self.resblocks = nn.ModuleList(Resblock(dim, heads) for _ in range(layers))
        start(self)

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        """x [B, T, D], own [B, T] bool -> [B, T, D]; own places see each other only. T is `length`."""
        check_tied(x, self.length)
        x = x + self.positional_embedding
        for block in self.resblocks:
            x = block(x, ~own)
        return x

    def start_from(self, text: Mapping[str, Tensor]) -> None:
        """Take over the first positions and layers of a CLIP text transformer.

        text: positional_embedding [L, D], and resblocks.0.ln_1.weight and so on, as open_clip names them. Raises
        ValueError where the transformer has another width, fewer layers or fewer positions.
        """
        positions = text["positional_embedding"]
        layers = 1 + max(int(key.split(".")[1]) for key in text if key.startswith(BLOCKS))
        wrong = []
        if positions.shape[1] != self.dim:
            wrong.append(f"it is {positions.shape[1]} wide and frames are {self.dim}")
        if layers < len(self.resblocks):
            wrong.append(f"it has {layers} layers of the {len(self.resblocks)}")
        if len(positions) < self.length:
            wrong.append(f"it has {len(positions)} positions of the {self.length}")
        if wrong:
            raise ValueError(
                f"the frames' transformer cannot start from CLIP's text side: {', '.join(wrong)}; "
                "set start: random in aggregate_params, or fewer layers or frames"
            )
        wanted = self.state_dict()
        with torch.no_grad():
            for name, value in wanted.items():
                value.copy_(text[name][: self.length] if name == "positional_embedding" else text[name])
