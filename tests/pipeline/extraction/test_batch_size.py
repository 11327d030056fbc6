"""`batch: auto`: the largest power of two that a GPU's memory takes, asked once, within the machine's own memory."""

import numpy as np
import pytest
import torch

from extractors.base import Sampling
from pipeline.extraction import batch_size
from pipeline.extraction.batch_size import BatchSizes

SMALL = Sampling(frames=2, size=32, crop=32, clips=3)


class Card:
    """A forward that runs out of memory above `room` videos, as CUDA does."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.tried: list[tuple[int, ...]] = []

    def __call__(self, frames: np.ndarray) -> None:
        self.tried.append(frames.shape)
        if len(frames) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(
    ("room", "most", "expected"), [(20, 256, 16), (16, 256, 16), (1000, 40, 32), (1, 9, 1), (0, 9, 1)]
)
def test_largest(room: int, most: int, expected: int) -> None:
    assert batch_size.largest(lambda size: size <= room, most) == expected


def test_a_gpu_is_tried_once_with_frames_of_the_right_shape() -> None:
    card, sizes = Card(room=5), BatchSizes()
    assert sizes.videos("x3d", "cuda", SMALL, card) == 4
    assert card.tried == [(2, 3, 2, 32, 32, 3), (4, 3, 2, 32, 32, 3), (8, 3, 2, 32, 32, 3)]
    assert sizes.videos("x3d", "cuda", SMALL, card) == 4
    assert len(card.tried) == 3
    assert sizes.videos("tf", "cuda", SMALL, Card(room=2)) == 2


@pytest.mark.parametrize(
    ("frames", "crop", "expected"), [(4, 64, 8), (8, 224, 2), (16, 312, 1), (8, 128, 8), (9, 128, 7)]
)
def test_a_cpu_is_not_tried(frames: int, crop: int, expected: int) -> None:
    """2^20 pixels of a view at most: 8 x 128 x 128 are 2^17."""
    card = Card(room=100)
    assert BatchSizes().videos("x3d", "cpu", Sampling(frames=frames, size=crop, crop=crop, clips=10), card) == expected
    assert card.tried == []


def test_frames_of_a_batch_stay_within_a_gibibyte() -> None:
    large = Sampling(frames=16, size=356, crop=356, clips=10, crops=3)  # X3D-L as the paper tests it: 182 MB a video
    assert batch_size.most_videos(large) == (1 << 30) // (30 * 16 * 356 * 356 * 3) == 5
    assert BatchSizes().videos("x3d", "cuda", large, Card(room=100)) == 4
    assert batch_size.most_videos(SMALL) == batch_size.MOST
    huge = Sampling(frames=400, size=1000, crop=1000)
    assert batch_size.most_videos(huge) == 1


def test_another_error_is_left_to_the_forward_of_the_videos() -> None:
    def broken(frames: np.ndarray) -> None:
        raise RuntimeError("no kernel image")

    assert BatchSizes().videos("x3d", "cuda", SMALL, broken) == 1

    def mistaken(frames: np.ndarray) -> None:
        raise KeyError("conv")

    with pytest.raises(KeyError):
        BatchSizes().videos("tf", "cuda", SMALL, mistaken)
