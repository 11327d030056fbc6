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
                aggregator = self._make()
            start: Any = getattr(aggregator, "start_from", None)  # transformers begin with what CLIP's text side knows
            if start is not None:
                start(self._text_side())
            self.aggregator = aggregator.eval().to(device)

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

    def _text_side(self) -> dict[str, Tensor]:
        """The text transformer's tensors: positional_embedding, resblocks.0.ln_1.weight, …"""
        names = {}
        for key, value in self.net.state_dict().items():
            key = key.removeprefix("text.")  # in models whose text tower is a module of its own
            if key == "positional_embedding" or key.startswith("transformer.resblocks."):
                names[key.removeprefix("transformer.")] = value
        return names


def every(features: Tensor) -> Tensor:
    """features [B, T, D] -> counts [B] int64, all T."""
    return torch.full((len(features),), features.shape[1], device=features.device)
