"""Forwards on a GPU whose memory others hold: batches are halved, the rows are those of the whole batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from extractors.base import Sampling
from pipeline.devices.lanes import Lanes
from pipeline.errors import LaffError
from pipeline.extraction.forward import Forward
from pipeline.extraction.target import Target
from pipeline.workers.worker import Worker

VIDEOS, SIDE = 16, 512
VIDEO = 3 * SIDE**2 * 4 * 8  # bytes of a video's frames in float32, its eight channels of them


class Wide:
    """The mean over eight wide maps of a picture, D = 8: much memory for little work."""

    dim = 8
    sampling = Sampling(frames=3, size=SIDE, crop=SIDE)

    @torch.no_grad()
    def extract(self, frames: torch.Tensor) -> torch.Tensor:
        pictures = frames[:, 0, ..., :1].float()  # [B, T, H, W, 1]
        scales = torch.arange(1, 9, device=frames.device)
        return (pictures * scales).mean(dim=(1, 2, 3))


@pytest.fixture
def hold(gpu: str) -> Iterator[Callable[[int], None]]:
    """hold(bytes): allocate all of the GPU's memory but for so many bytes; given back in the end."""
    held: list[torch.Tensor] = []

    def take(leave: int) -> None:
        torch.cuda.empty_cache()
        while (free := torch.cuda.mem_get_info()[0] - leave) > 4 << 20:
            try:
                held.append(torch.empty(min(free, 8 << 30), dtype=torch.uint8, device=gpu))
            except torch.OutOfMemoryError:
                return

    yield take
    held.clear()
    torch.cuda.empty_cache()


def run(videos: np.ndarray) -> tuple[np.ndarray, int]:
    lanes = Lanes(1)
    aim = Target("wide", "0.h5", Path("0.h5"), Wide(), "print", "content", {}, "gpu", len(videos), "float32")
    try:
        forward = Forward(aim, len(videos), lanes, Worker())
        for video in videos:
            forward.add(video, 3)
        return forward.rows(), forward.piece
    finally:
        lanes.close()


@pytest.fixture
def videos() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (VIDEOS, 1, 3, SIDE, SIDE, 3), dtype=np.uint8)


def test_a_batch_that_does_not_fit_is_halved(videos: np.ndarray, hold: Callable[[int], None]) -> None:
    whole, batch = run(videos)
    assert batch == VIDEOS
    hold(VIDEOS * VIDEO // 2)
    values, batch = run(videos)
    assert 1 <= batch < VIDEOS
    np.testing.assert_allclose(values, whole, rtol=1e-5)


def test_a_single_video_that_does_not_fit_is_told(videos: np.ndarray, hold: Callable[[int], None]) -> None:
    run(videos[:1])
    hold(VIDEO // 8)
    with pytest.raises(LaffError, match="wide: one video alone needs more memory than cuda has free"):
        run(videos[:1])
