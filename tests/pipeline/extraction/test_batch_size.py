"""`batch: auto`: the largest power of two that a GPU's memory takes, asked once, within the machine's own memory."""

import numpy as np
import pytest
import torch

from extractors.base import Sampling
from pipeline.devices import resources
from pipeline.extraction import batch_size
from pipeline.extraction.batch_size import BatchSizes

SMALL = Sampling(frames=2, size=32, crop=32, clips=3)


class Tight:
    """A forward that runs out of memory above `room` videos, as CUDA does."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.tried: list[tuple[int, ...]] = []

    def __call__(self, frames: np.ndarray) -> None:
        self.tried.append(frames.shape)
        if len(frames) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.fixture(autouse=True)
def large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "memory", lambda: 1 << 40)


@pytest.mark.parametrize(
    ("room", "most", "expected"), [(20, 256, 16), (16, 256, 16), (1000, 40, 32), (1, 9, 1), (0, 9, 1)]
)
def test_largest(room: int, most: int, expected: int) -> None:
    assert batch_size.largest(lambda size: size <= room, most) == expected


def test_a_gpu_is_tried_once_with_frames_of_the_right_shape() -> None:
    forward, sizes = Tight(room=5), BatchSizes()
    assert sizes.videos("x3d", "cuda", SMALL, forward) == 4
    assert forward.tried == [(2, 3, 2, 32, 32, 3), (4, 3, 2, 32, 32, 3), (8, 3, 2, 32, 32, 3)]
    assert sizes.videos("x3d", "cuda", SMALL, forward) == 4
    assert len(forward.tried) == 3
    assert sizes.videos("tf", "cuda", SMALL, Tight(room=2)) == 2


@pytest.mark.parametrize(
    ("frames", "crop", "expected"), [(4, 64, 8), (8, 224, 2), (16, 312, 1), (8, 128, 8), (9, 128, 7)]
)
def test_a_cpu_is_not_tried(frames: int, crop: int, expected: int) -> None:
    """2^20 pixels of a view at most: 8 x 128 x 128 are 2^17."""
    forward = Tight(room=100)
    assert (
        BatchSizes().videos("x3d", "cpu", Sampling(frames=frames, size=crop, crop=crop, clips=10), forward) == expected
    )
    assert forward.tried == []


def test_frames_of_a_batch_stay_within_a_gibibyte() -> None:
    large = Sampling(frames=16, size=356, crop=356, clips=10, crops=3)  # X3D-L as the paper tests it: 182 MB a video
    assert batch_size.most_videos(large) == (1 << 30) // (30 * 16 * 356 * 356 * 3) == 5
    assert BatchSizes().videos("x3d", "cuda", large, Tight(room=100)) == 4
    assert batch_size.most_videos(SMALL) == batch_size.MOST
    huge = Sampling(frames=400, size=1000, crop=1000)
    assert batch_size.most_videos(huge) == 1


def test_batches_of_all_features_fit_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of its memory for three batches of each feature, of which each may take twice its size: 12 GiB, 1 each."""
    part = Sampling(frames=16, size=512, crop=512)  # 12 MiB a video
    assert batch_size.video_bytes(part) == 12 << 20
    monkeypatch.setattr(resources, "memory", lambda: 12 << 30)
    assert batch_size.most_videos(part) == 1024 // 12
    assert batch_size.most_videos(part, 4) == 256 // 12
    assert batch_size.most_videos(part, 1000) == 1
    sizes = BatchSizes()
    assert sizes.videos("one", "cuda", part, Tight(room=100)) == 64
    assert sizes.videos("four", "cuda", part, Tight(room=100), [part] * 3) == 16


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("Expected canUse32BitIndexMath(input) && canUse32BitIndexMath(output) to be true, but got false."),
        RuntimeError("CUDA error: invalid configuration argument"),
    ],
    ids=str,
)
def test_a_batch_that_a_kernel_cannot_take_is_too_large(error: RuntimeError) -> None:
    def forward(frames: np.ndarray) -> None:
        if len(frames) > 4:
            raise error

    assert BatchSizes().videos("x3d", "cuda", SMALL, forward) == 4


@pytest.mark.parametrize("error", [RuntimeError("shape '[2, 3]' is invalid for input of size 12"), KeyError("conv")])
def test_a_mistake_of_an_extractor_is_no_limit(error: Exception) -> None:
    """Else one that fails for two videos would run with batches of one, and nobody would know."""

    def mistaken(frames: np.ndarray) -> None:
        raise error

    with pytest.raises(type(error)):
        BatchSizes().videos("x3d", "cuda", SMALL, mistaken)


def test_what_was_halved_stays_so() -> None:
    sizes = BatchSizes()
    assert sizes.piece("x3d", 9) == 9
    assert sizes.halved("x3d", 9) == 5
    assert sizes.halved("x3d", 5) == 3
    assert [sizes.piece("x3d", full) for full in (9, 2)] == [3, 2]
    assert sizes.piece("tf", 9) == 9
