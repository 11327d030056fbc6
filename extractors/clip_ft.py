"""CLIP fine-tuned on the collection: any model that extractors.clip builds, and what makes a video of its frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from extractors.base import Pairs
from extractors.checkpoint import fill
from extractors.clip import Clip
from extractors.untrained import seeded

if TYPE_CHECKING:
    from extractors.clip_task import ClipTask, Loss


class ClipFt(Clip):
    """Videos [B, D] and captions [C, D] of a CLIP model whose weights come from a fine-tuning (`load_state`).

    The fine-tuning starts from published weights (`load`). A video is the mean of its frames' features, or what an
    aggregator makes of them that is plugged in and learns with the rest. Every place of the sampling is a real frame
    for it (short videos repeat some), as the fine-tuning sees them.
    """

    sides = ("video", "text")
    FREE = ("frames", "stride", "fps", "rule", "level")  # what a stage that reads the fine-tuned model may set itself

    aggregator: nn.Module | None = None  # called as aggregator(frames [B, T, D], counts [B]) -> [B, D]
    _make: Callable[[], nn.Module] | None = None

    def plug(self, make: Callable[[], nn.Module]) -> None:
        """Let `make` build the aggregator whenever the model is loaded. It is sent to other processes instead of it."""
        self._make = make

    def load(self, device: str, weights: Path | None) -> None:
        """Build the model with published weights or random ones, and an aggregator that has learned nothing yet."""
        super().load(device, weights)
        if self._make is not None:
            with seeded():
                self.aggregator = self._started(self._make, self.net).eval().to(device)

    def load_state(self, state: dict[str, Any], device: str) -> None:
        """Build the model with what a fine-tuning learned: {"model": …, "aggregator": …, "tokenizer": …}.

        At level "frame" no aggregator is needed.
        """
        super().load_state(state, device)
        if self._make is not None and self.level == "video":
            aggregator = self._make()
            fill(aggregator, state.get("aggregator", {}), f"the aggregator fine-tuned with {self.model}")
            self.aggregator = aggregator.eval().to(device)

    def encode_videos(self, frames: Tensor) -> Tensor:
        """[B, T, H, W, 3] uint8 on the device -> [B, D] float32."""
        features = self.encode_frames(frames)
        return features.mean(dim=1) if self.aggregator is None else self.aggregator(features, every(features))

    def task(self, train: Pairs, val: Pairs, loss: Loss) -> ClipTask:
        """The fine-tuning of the loaded model on pairs whose videos are frames [V, T, H, W, 3] uint8."""
        from extractors.clip_task import ClipTask

        return ClipTask(self, train, val, loss)

    def check(self) -> None:
        """Raises ValueError where the aggregator does not fit this model; it costs nothing on the device "meta"."""
        if self._make is not None:
            self._started(self._make, None)

    def _started(self, make: Callable[[], nn.Module], net: nn.Module | None) -> nn.Module:
        """A new aggregator; a transformer begins with what the text side of `net` (None: of a new one) knows."""
        aggregator = make()
        start_from: Any = getattr(aggregator, "start_from", None)
        if start_from is not None:
            start_from(text_side(net or self.build()))
        return aggregator


def text_side(net: nn.Module) -> dict[str, Tensor]:
    """The tensors of a CLIP net's text transformer: positional_embedding, resblocks.0.ln_1.weight, …"""
    found = {}
    for key, value in net.state_dict().items():
        key = key.removeprefix("text.")  # in models whose text tower is a module of its own
        if key == "positional_embedding" or key.startswith("transformer.resblocks."):
            found[key.removeprefix("transformer.")] = value
    return found


def every(features: Tensor) -> Tensor:
    """features [B, T, D] -> counts [B] int64, all T."""
    return torch.full((len(features),), features.shape[1], device=features.device)
