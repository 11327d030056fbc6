"""CLIP fine-tuned on the collection: any model that extractors.clip builds, and what makes a video of its frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from extractors.base import Pairs
from extractors.checkpoint import fill
from extractors.clip import Clip, own_frames
from extractors.untrained import seeded

if TYPE_CHECKING:
    from extractors.clip_task import ClipTask, Loss


class ClipFt(Clip):
    """Videos [B, D] and captions [C, D] of a CLIP model whose weights come from a fine-tuning (`load_state`).

    The fine-tuning starts from published weights (`load`). A video is the mean of its own frames' features, or what an
    aggregator makes of all of them that is plugged in, learns with the rest, and is told how many are the video's own.
    """

    sides = ("video", "text")
    FREE = ("frames", "stride", "fps", "rule", "level")  # what a stage that reads the fine-tuned model may set itself

    aggregator: nn.Module | None = None  # called as aggregator(frames [B, T, D], counts [B]) -> [B, D]
    _make: Callable[[], nn.Module] | None = None

    def plug(self, make: Callable[[], nn.Module]) -> None:
        """Let `make` build the aggregator whenever the model is loaded: to other processes goes `make`."""
        self._make = make

    def load(self, device: str, weights: Path | None) -> None:
        """Build the model with published weights or random ones, and an aggregator that has learned nothing yet."""
        super().load(device, weights)
        if self._make is not None:
            with seeded():
                self.aggregator = self._started(self._make, self.net).eval().to(device)

    def load_state(self, state: dict[str, Any], device: str) -> None:
        """Build the model with what a fine-tuning learned: {"model": …, "aggregator": …, "tokenizer": …}."""
        super().load_state(state, device)
        if self._make is not None:
            aggregator = self._started(self._make, self.net)  # for the shape of its layers
            fill(aggregator, state.get("aggregator", {}), f"the aggregator fine-tuned with {self.model}")
            self.aggregator = aggregator.eval().to(device)

    def encode_videos(self, frames: Tensor, counts: Tensor | None = None) -> Tensor:
        """[B, T, H, W, 3] uint8 on the device, counts [B] int64 of their own frames (None: all) -> [B, D] float32."""
        if self.aggregator is None:
            return super().encode_videos(frames, counts)
        features, own_counts = self.encode_frames(frames, counts), own_frames(frames, counts).sum(dim=1)
        with torch.autocast(frames.device.type, enabled=False):  # it is small, and an LSTM has no float16 on a CPU
            videos: Tensor = self.aggregator(features, own_counts)
        return videos

    def scores(self, texts: Tensor, features: Tensor, counts: Tensor) -> Tensor:
        """Scores by an aggregator that scores pairs: texts [C, D], frames [V, T, D], counts [V] -> [C, V]."""
        assert self.aggregator is not None
        with torch.autocast(features.device.type, enabled=False):
            scores: Tensor = self.aggregator.scores(texts, features, counts)  # type: ignore[operator]
        return scores

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
            tower: Any = net or self.build()
            tower = getattr(tower, "text", tower)  # a module of its own in some models
            start_from(tower.positional_embedding, tower.transformer.resblocks)
        return aggregator
