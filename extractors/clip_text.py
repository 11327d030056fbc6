"""The text side of a CLIP model alone: it reads a sentence in a moment, where to import open_clip takes seconds.

The same layers of torch as open_clip's text tower and its own tokenizer, so the same rows up to rounding; no image
tower is built and no random weight is drawn. A sentence is computed alone, at its fixed length, and by all threads: a
question should be answered at once, where extraction wants many captions a second. Only a search uses it, so it counts
in no fingerprint. A model whose text tower has more than is known here is read whole, by the feature itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from extractors.bare import Attention, Embedding, Linear
from extractors.checkpoint import fill
from extractors.clip import Clip
from extractors.clip_config import ClipConfig
from extractors.clip_files import read_tensors, read_tokenizer
from extractors.clip_places import Shape, encode, lengths
from extractors.clip_tokens import LeanTokens, lean_tokens
from extractors.tokens import Tokens


class ClipText:
    """Captions [C, D] as a Clip makes them; loaded by `load` or `load_state`, as a Clip is."""

    def __init__(self, clip: Clip, shape: Shape) -> None:
        """Stand for the text side of `clip`; shape: as `text_shape` gives it."""
        self._clip, self._shape = clip, shape

    def load(self, device: str, weights: Path | None) -> None:
        """Take the text side of published weights. Random ones (None) are drawn as Clip draws them, for both sides."""
        clip, config = self._clip, self._clip.config
        if weights is None:
            clip.load(device, weights)
            self.extract_text = clip.extract_text  # type: ignore[method-assign]
            return
        converted = read_tensors(weights, config, clip.LAYOUTS)
        if config.tokenizer:
            tokens: Tokens = read_tokenizer(config, clip.tokenizer, weights, LeanTokens)
        else:
            tokens = lean_tokens(config)
        self._use(converted.state, converted.source, tokens, device)

    def load_state(self, state: dict[str, Any], device: str) -> None:
        """Take the text side of what a fine-tuning learned: {"model": tensors by name, "tokenizer": …}.

        ValueError for what does not fit.
        """
        config = self._clip.config
        if "tokenizer" in state:
            tokens: Tokens = LeanTokens(**state["tokenizer"], clean=config.tokenizing.get("clean", "whitespace"))
        else:
            tokens = lean_tokens(config)
        self._use(state["model"], f"the fine-tuned {config.name}", tokens, device)

    def _use(self, state: dict[str, Tensor], source: str, tokens: Tokens, device: str) -> None:
        self._tower = Tower(self._shape, self._clip.config).eval()
        self._tower.take(state, source, self._clip.config.custom_text)
        self._tower.to(device)
        self._tokens, self._device = tokens, device

    @torch.no_grad()
    def extract_text(self, captions: Sequence[str]) -> np.ndarray:
        """C texts -> [C, D] float32, not normalised."""
        vectors = np.zeros((len(captions), self._clip.dim), dtype=np.float32)
        for vector, tokens in zip(vectors, self._tokens(captions) if captions else (), strict=True):
            alone = tokens[None, : int(lengths(tokens[None], self._shape))]
            vector[:] = self._tower(alone.to(self._device))[0].float().cpu().numpy()
        return vectors


class Tower(nn.Module):
    """Tokens [C, L] int64 -> rows [C, D], with the parts of TextTransformer of open_clip/transformer.py."""

    def __init__(self, shape: Shape, config: ClipConfig) -> None:
        super().__init__()
        width, context = shape["width"], shape["context_length"]
        norm = partial(nn.LayerNorm, width, **shape["norm_kwargs"] or {})
        activation = QuickGELU if config.quick_gelu else partial(nn.GELU, **shape["act_kwargs"] or {})
        self.token_embedding = Embedding(shape["vocab_size"], width)
        self.positional_embedding = nn.Parameter(torch.empty(context, width))
        inner = int(width * shape["mlp_ratio"])
        blocks = [Block(width, shape["heads"], inner, activation, norm) for _ in range(shape["layers"])]
        self.transformer = Blocks(blocks)
        self.ln_final = norm()
        if shape["proj_type"] == "none":
            self.text_projection: Any = None
        elif shape["proj_bias"]:
            self.text_projection = Linear(width, config.dim)
        else:
            self.text_projection = nn.Parameter(torch.empty(width, config.dim))
        mask = None if shape["no_causal_mask"] else torch.full((context, context), float("-inf")).triu_(1)
        self.register_buffer("attn_mask", mask, persistent=False)
        self._shape = shape

    def take(self, state: dict[str, Tensor], source: str, custom: bool) -> None:
        """Take the tensors of the text side from those of the whole model; the others stay unread.

        custom: whether the model's class has a text tower of its own; older files lack its `text.` all the same.
        ValueError for what does not fit.
        """
        prefix = "text." if custom and any(key.startswith("text.") for key in state) else ""
        tensors = {key: state[prefix + key] for key in self.state_dict() if prefix + key in state}
        fill(self, tensors, source, "the text tower", assign=True)

    def forward(self, tokens: Tensor) -> Tensor:
        """[C, L] int64, L up to the context -> [C, D]."""
        return encode(self, tokens, self._shape)


class Blocks(nn.Module):
    """Blocks one after the other: [C, L, W] -> the same."""

    def __init__(self, blocks: list[Block]) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, attn_mask: Tensor | None) -> Tensor:
        """attn_mask: [L, L], added to what the attention weighs by."""
        for block in self.resblocks:
            x = block(x, attn_mask)
        return x


class Block(nn.Module):
    """Attention, then two layers; each is added to what comes in. [C, L, W] -> the same."""

    def __init__(
        self, width: int, heads: int, inner: int, activation: Callable[[], nn.Module], norm: Callable[[], nn.Module]
    ) -> None:
        super().__init__()
        self.ln_1 = norm()
        self.attn = Attention(width, heads, batch_first=True)
        self.ln_2 = norm()
        layers = {"c_fc": Linear(width, inner), "gelu": activation(), "c_proj": Linear(inner, width)}
        self.mlp = nn.Sequential(OrderedDict(layers))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """mask: [L, L], added to what the attention weighs by."""
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        total: Tensor = x + self.mlp(self.ln_2(x))
        return total


class QuickGELU(nn.Module):
    """The activation of OpenAI's weights: x times the sigmoid of 1.702 x."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return x * torch.sigmoid(1.702 * x)
