"""Video features as experts that look at each other: MMT's video side.

Source: Gabeur et al., "Multi-modal Transformer for Video Retrieval", ECCV 2020; layers as in BERT.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from fusion.affine import Affine
from fusion.features import Feature, Frames, Sparse, pick_all
from fusion.spaces import unit

AGGREGATE, TIMELESS, FIRST = 0, 1, 2  # rows of the time embedding: aggregate tokens, features without frames, frame 0


class Experts(nn.Module):
    """Transformer over the tokens of all experts; the last state of an expert's aggregate token is its vector.

    Token: the feature, or a frame of it, mapped to width W, length 1. Aggregate token: the largest value of each column
    over the expert's tokens. Added to both: an embedding of the expert and one of the time; then LayerNorm, dropout
    and the layers (attention, residual, LayerNorm; feed-forward with GELU, residual, LayerNorm). Padding is masked in
    attention. Weights start normal with deviation 0.02, those of the features Xavier-uniform.
    Raises ValueError for a width that heads do not divide and for frames without a length.
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        lengths: Mapping[str, int],
        frames: Collection[str],
        layers: int,
        heads: int,
        width: int,
        ffn: int,
        dropout: float,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} cannot be divided among {heads} heads; take a multiple of {heads}")
        self.dims = dict(dims)
        self.frames = tuple(name for name in dims if name in frames)
        unknown = [name for name in self.frames if name not in lengths]
        if unknown:
            raise ValueError(
                f"lengths says nothing of '{unknown[0]}'; it should say how many frames a video has at most"
            )
        self.length = max((lengths[name] for name in self.frames), default=0)
        self.enter = nn.ModuleDict({name: Affine({name: dim}, width) for name, dim in dims.items()})
        self.kind = nn.ParameterDict({name: torch.empty(width) for name in dims})
        self.time = nn.Parameter(torch.empty(FIRST + self.length, width))
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, ffn, dropout, "gelu", layer_norm_eps=1e-12, batch_first=True)
            for _ in range(layers)
        )
        for embedding in (self.time, *self.kind.values()):
            nn.init.normal_(embedding, std=0.02)
        for name, parameter in self.layers.named_parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, features: Mapping[str, Feature]) -> Tensor:
        """Embed features[k], [B, D_k] or Frames [B, T, D_k] -> [B, E, W], E in the order of `dims`.

        Raises ValueError naming a feature that is missing, has another width, more frames than the model was built for,
        or should come frame by frame.
        """
        tokens: list[Tensor] = []
        masks: list[Tensor] = []
        aggregates: list[int] = []  # places of the aggregate tokens
        for name, feature in zip(self.dims, pick_all(features, self.dims, self.frames), strict=True):
            entered, mask, times = self._tokens(name, feature)
            aggregate = entered.masked_fill(~mask[..., None], -torch.inf).amax(dim=1, keepdim=True)
            aggregates.append(sum(block.shape[1] for block in tokens))
            tokens.append(torch.cat([aggregate + self.time[AGGREGATE], entered + times], dim=1) + self.kind[name])
            masks.append(torch.cat([mask.new_ones(len(mask), 1), mask], dim=1))
        states = self.dropout(self.norm(torch.cat(tokens, dim=1)))  # [B, N, W]
        padding = ~torch.cat(masks, dim=1) if self.frames else None
        for layer in self.layers:
            states = layer(states, src_key_padding_mask=padding)
        return torch.stack(
            [states[:, place] for place in aggregates], dim=1
        )  # one index of all places would be copied to the GPU

    def _tokens(self, name: str, feature: Tensor | Sparse | Frames) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens of an expert [B, T, W], the mask of the video's own [B, T], and embeddings of their times [T, W]."""
        if not isinstance(feature, Frames):
            entered = unit(self.enter[name]({name: feature}))[:, None]
            mask = torch.ones(entered.shape[:2], dtype=torch.bool, device=entered.device)
            return entered, mask, self.time[TIMELESS : TIMELESS + 1]
        videos, length, _ = feature.values.shape
        if length > self.length:
            raise ValueError(f"feature '{name}' has {length} frames a video; the model was built for {self.length}")
        entered = self.enter[name]({name: feature.values.flatten(0, 1)}).unflatten(0, (videos, length))
        return unit(entered), feature.mask, self.time[FIRST : FIRST + length]
