"""Frames of a few videos side by side, as a forward takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


class Batch:
    """Slots of one batch in memory of the device's choice; the slot of a video without frames is zero.

    Frames are copied in when they come, so that the decoders' own memory is free at once.
    """

    def __init__(self, buffer: Tensor) -> None:
        """Begin an empty batch in `buffer`, [B, M, T, H, W, 3] uint8."""
        self.buffer = buffer
        self.filled: list[bool] = []  # of each slot that is taken
        self.present: list[int] = []  # how many frames of each are the video's own

    def __len__(self) -> int:
        return len(self.filled)

    @property
    def frames(self) -> Tensor:
        """The slots that are taken, [b, M, T, H, W, 3] uint8."""
        return self.buffer[: len(self)]

    def add(self, frames: np.ndarray | None, present: int) -> None:
        """Take a slot for frames [M, T, H, W, 3] uint8, `present` of them the video's own; None leaves it zero."""
        self.buffer.numpy()[len(self)] = 0 if frames is None else frames
        self.filled.append(frames is not None)
        self.present.append(0 if frames is None else present)
