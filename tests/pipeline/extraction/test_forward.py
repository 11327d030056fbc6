"""Forwards side by side: rows in the order of videos, the same bits however many, a bounded number on their way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from extractors.base import Sampling
from pipeline.devices.device import Device
from pipeline.devices.lanes import Lanes
from pipeline.devices.worker_devices import Devices
from pipeline.errors import LaffError
from pipeline.extraction.forward import Forward, autocast
from pipeline.extraction.provenance import resolved
from pipeline.extraction.target import Target
from pipeline.workers.worker import Worker


class Conv:
    """A convolution and a product over everything: sums long enough for their order to show. D = 8."""

    dim = 8
    sampling = Sampling(frames=4, size=32, crop=32)

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.conv = torch.nn.Conv2d(3, 16, 5)
        self.linear = torch.nn.Linear(16 * 28 * 28 * 4, 8)

    @torch.no_grad()
    def extract(self, frames: torch.Tensor) -> torch.Tensor:
        time.sleep(0.005 * float(frames[0].sum() % 3))  # so that batches end in another order than they began
        pictures = frames.flatten(0, 2).permute(0, 3, 1, 2).float() / 255
        return self.linear(self.conv(pictures).unflatten(0, (len(frames), 4)).flatten(1))


@pytest.fixture(autouse=True)
def threads_as_they_were() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def target(part: Any, batch: int = 3) -> Target:
    return Target("conv", "00000.h5", Path("00000.h5"), part, "print", "content", {}, "cpu", batch, "float32")


class Copying(Device):
    """As a GPU: it works on a copy, so that a batch's memory is filled again before its values are there."""

    def send(self, values: torch.Tensor) -> torch.Tensor:
        return values.clone()

    def copies_done(self) -> bool:
        return True

    def fetch(self, values: torch.Tensor) -> Callable[[], np.ndarray]:
        return lambda: (time.sleep(0.01), values.numpy())[1]


def run(
    part: Any, videos: list[np.ndarray | None], count: int, present: int = 4, device: Device | None = None
) -> np.ndarray:
    lanes, worker = Lanes(count), Worker()
    worker.kept(Devices).by_name["cpu"] = device or Device()
    try:
        forward = Forward(target(part), len(videos), lanes, worker)
        for frames in videos:
            forward.add(frames, present)
        return forward.rows()
    finally:
        lanes.close()


@pytest.fixture
def videos() -> list[np.ndarray | None]:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 1, 4, 32, 32, 3), dtype=np.uint8)
    return [None if number in (0, 7, 12, 13, 14) else video for number, video in enumerate(pixels)]


def test_rows_are_those_of_the_videos_in_order_to_the_bit(videos: list[np.ndarray | None]) -> None:
    part = Conv()
    torch.set_num_threads(1)
    slots = [np.zeros((1, 4, 32, 32, 3), np.uint8) if video is None else video for video in videos]
    whole = [part.extract(torch.from_numpy(np.stack(slots[at : at + 3]))).numpy() for at in range(0, 20, 3)]
    wanted = np.concatenate(whole)[[video is not None for video in videos]]
    for count, threads in ((1, 1), (2, 2), (4, 2)):
        torch.set_num_threads(threads)  # of the caller: forwards have one each
        np.testing.assert_array_equal(run(part, videos, count), wanted)
        np.testing.assert_array_equal(run(part, videos, count, device=Copying()), wanted)


def test_no_video_at_all_gives_no_rows() -> None:
    values = run(Conv(), [None, None, None, None], 2)
    assert (values.shape, values.dtype) == ((0, 8), np.float32)


def test_what_an_extractor_refuses_reaches_the_caller_with_its_stage(videos: list[np.ndarray | None]) -> None:
    class Refusing(Conv):
        def extract(self, frames: torch.Tensor) -> torch.Tensor:
            raise ValueError("5 frames are wanted, not 4")

    with pytest.raises(LaffError, match="conv: 5 frames are wanted, not 4"):
        run(Refusing(), videos, 2)


def test_values_of_another_width_are_told(videos: list[np.ndarray | None]) -> None:
    class Wide(Conv):
        dim = 9

    with pytest.raises(LaffError, match=r"conv: extract gave \[3, 8\] for 3 videos; dim and level say \[3, 9\]"):
        run(Wide(), videos, 2)


class Frames(Conv):
    """Each frame's mean colour, D = 3."""

    dim = 3
    level = "frame"

    def extract(self, frames: torch.Tensor) -> torch.Tensor:
        return frames.float().mean(dim=(3, 4)).flatten(1, 2)


def test_rows_of_frames_that_a_video_lacks_are_zero(videos: list[np.ndarray | None]) -> None:
    good = [video for video in videos if video is not None]
    means = np.stack(good).mean(axis=(3, 4))[:, 0]
    values = run(Frames(), videos, 2)
    assert values.shape == (15, 4, 3)
    np.testing.assert_allclose(values, means, rtol=1e-5)
    values = run(Frames(), videos, 2, present=3)
    np.testing.assert_allclose(values[:, :3], means[:, :3], rtol=1e-5)
    assert not values[:, 3].any()
    assert run(Frames(), [None], 1).shape == (0, 4, 3)


def test_rows_of_frames_have_their_shape(videos: list[np.ndarray | None]) -> None:
    class Short(Frames):
        def extract(self, frames: torch.Tensor) -> torch.Tensor:
            return super().extract(frames).mean(dim=1)

    with pytest.raises(LaffError, match=r"gave \[3, 3\] for 3 videos; dim and level say \[3, 4, 3\]"):
        run(Short(), videos, 1)


def test_frames_have_one_crop(videos: list[np.ndarray | None]) -> None:
    class Crops(Frames):
        sampling = Sampling(frames=4, size=32, crop=32, crops=3)

    with pytest.raises(LaffError, match="conv: level frame has one row a frame; crops is 3, make it 1"):
        run(Crops(), videos, 1)


@pytest.mark.parametrize(
    ("device", "precision", "meant"),
    [
        ("cpu", "auto", "float32"),
        ("cuda", "auto", "float16"),
        ("cuda", "float32", "float32"),
        ("cpu", "bfloat16", "bfloat16"),
    ],
)
def test_what_a_precision_means(device: str, precision: str, meant: str) -> None:
    assert resolved(device, precision) == meant


def test_autocast_holds_inside_and_ends() -> None:
    with autocast("cpu", "bfloat16"):
        assert torch.is_autocast_enabled("cpu")
    assert not torch.is_autocast_enabled("cpu")


def test_float32_on_a_gpu_is_no_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's default would round the factors of convolutions to 10 bits."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    with autocast("cuda", "float32"):
        assert torch.backends.cudnn.allow_tf32 is False
