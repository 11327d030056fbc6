"""CLIP fine-tuned on the collection: any model that extractors.clip builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractors.base import Pairs
from extractors.clip import Clip

if TYPE_CHECKING:
    from extractors.clip_task import ClipTask, Loss


class ClipFt(Clip):
    """Videos [B, D] and captions [C, D] of a CLIP model whose weights come from a fine-tuning (`load_state`).

    The fine-tuning starts from published weights (`load`).
    """

    sides = ("video", "text")
    FREE = ("frames", "stride", "fps", "rule", "level")  # what a stage that reads the fine-tuned model may set itself

    def task(self, train: Pairs, val: Pairs, loss: Loss) -> ClipTask:
        """The fine-tuning of the loaded model on pairs whose videos are frames [V, T, H, W, 3] uint8."""
        from extractors.clip_task import ClipTask

        return ClipTask(self, train, val, loss)
