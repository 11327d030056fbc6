"""Slots of a batch: frames where they were put, zeros where there are none, whatever the memory held before."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.extraction.batch import Batch


def test_slots_are_filled_in_order() -> None:
    batch = Batch(torch.full((4, 1, 2, 3, 3, 3), 9, dtype=torch.uint8))
    assert len(batch) == len(batch.frames) == 0
    batch.add(np.full((1, 2, 3, 3, 3), 5, np.uint8), 2)
    batch.add(None, 1)
    batch.add(np.full((1, 2, 3, 3, 3), 7, np.uint8), 1)
    assert batch.frames.shape == (3, 1, 2, 3, 3, 3)
    assert [sorted(set(slot.flatten().tolist())) for slot in batch.frames] == [[5], [0], [7]]
    assert (batch.filled, batch.present) == ([True, False, True], [2, 0, 1])
    assert batch.buffer[3].eq(9).all()
