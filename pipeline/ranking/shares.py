"""The share of each feature in the vector that a block makes of an item: its weight times the length of its vector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn


def names_of(block: Any) -> list[str]:
    """The features that a block weighs, in the order of its weights."""
    enter = getattr(block, "enter", None)
    return list(getattr(block, "dims", [name for name, _ in enter.named_children()] if enter is not None else []))


@contextmanager
def entering(block: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Collect the vector [B, H * W] that each layer of `block.enter` gives, by feature, while it is open.

    The dict is filled when the block runs; it stays empty where some feature enters by no such layer.
    """
    from torch import nn

    seen: dict[str, Tensor] = {}
    enter = getattr(block, "enter", None)
    layers = enter.items() if isinstance(enter, nn.ModuleDict) and list(enter) == names_of(block) else ()
    hooks = [layer.register_forward_hook(partial(_keep, seen, name)) for name, layer in layers]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _keep(seen: dict[str, Tensor], name: str, layer: nn.Module, inputs: Any, out: Tensor) -> None:
    seen[name] = out


def shares(values: np.ndarray, vectors: Mapping[str, Tensor]) -> np.ndarray:
    """Shares [B, H, K], which sum to 1 over K: each weight times the length of its feature's vector.

    values: the weights [B, H, K]; vectors: [B, H * W] by feature. NaN where there are no vectors.
    """
    heads = values.shape[1]
    if not vectors or any(vector.ndim != 2 or vector.shape[1] % heads for vector in vectors.values()):
        return np.full_like(values, np.nan)
    lengths = [vector.double().unflatten(-1, (heads, -1)).norm(dim=-1).numpy() for vector in vectors.values()]
    pulls = np.abs(values) * np.stack(lengths, axis=-1)
    parts: np.ndarray = pulls / np.maximum(pulls.sum(axis=-1, keepdims=True), 1e-12)
    return parts


@contextmanager
def watched(model: Any) -> Iterator[list[np.ndarray]]:
    """Collect the shares [B, K] of each call of a model's `embed_video` while it is open; means over the heads.

    K is in the order of names_of(model.video). Models without weights for their video features add nothing.
    """
    from fusion.paired import Paired

    calls: list[np.ndarray] = []
    if not isinstance(model, Paired):
        yield calls
        return
    block = model.video
    with entering(block) as vectors:

        def note(layer: nn.Module, inputs: Any, out: tuple[Tensor, Tensor | None]) -> None:
            weights = out[1]
            if weights is not None and weights.ndim == 3 and weights.shape[2] == len(names_of(block)):
                block_shares = shares(weights.double().numpy(), vectors).mean(axis=1)
                if np.isfinite(block_shares).all():
                    calls.append(block_shares.astype(np.float32))

        hook = block.register_forward_hook(note)
        try:
            yield calls
        finally:
            hook.remove()
