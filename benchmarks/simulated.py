"""A simulated device and simulated decoders, which need no GPU and no videos: they take their time, and count it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from extractors.base import Sampling
from pipeline.video.reading import Frames
from pipeline.workers.killable import Killable
from pipeline.workers.worker import Worker

DECODERS = 16
LINK = 25e9  # bytes a second to the device: assumed, PCIe 4.0 x16 from pinned memory; the same for older code


@dataclass(frozen=True)
class Model:
    """A backbone: what it wants, and seconds of a forward for a video."""

    sampling: Sampling
    batch: int  # videos
    seconds: float
    dim: int


class Meter:
    """Frames that wait, in bytes, and forwards, in seconds."""

    def __init__(self) -> None:
        self.waiting = self.most = 0
        self.busy = 0.0
        self._alone = threading.Lock()

    def frames(self, count: int) -> None:
        """So many bytes more wait."""
        with self._alone:
            self.waiting += count
            self.most = max(self.most, self.waiting)


def until(moment: float) -> None:
    """Sleep."""
    time.sleep(max(0.0, moment - time.perf_counter()))


class Clock:
    """A device that computes and copies at the same time; it knows when each is done."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.free = self.copied = self.first = 0.0  # by perf_counter; when the first forward began
        self.waits = True  # for each forward, as code does that has no place for a device

    def copy(self, size: int) -> None:
        """Begin to copy so many bytes."""
        self.copied = max(time.perf_counter(), self.copied) + size / LINK

    def compute(self, seconds: float, size: int) -> None:
        """Begin a forward behind the last copy and the last forward."""
        if self.waits:
            self.copy(size)
        begin = max(time.perf_counter(), self.copied, self.free)
        self.first, self.free = self.first or begin, begin + seconds
        self.meter.busy += seconds
        if self.waits:
            until(self.free)


class Part:
    """An extractor whose forward takes its time on the card, and gives a mean over a few pixels."""

    sides = ("video",)

    def __init__(self, model: Model, card: Clock) -> None:
        self.model, self.card = model, card
        self.sampling, self.dim = model.sampling, model.dim

    def extract(self, frames: Any) -> Any:
        """[B, M, T, H, W, 3] uint8 -> [B, D]."""
        size = frames.numel()
        levels = frames[:, 0, 0, :8, :8, 0].float().mean(dim=(1, 2))[:, None].repeat(1, self.dim)
        self.card.compute(len(frames) * self.model.seconds, size)
        threading.Timer(max(0.0, self.card.free - time.perf_counter()), self.card.meter.frames, (-size,)).start()
        return levels


class Sleepers(Killable):
    """Threads that hand over the same frames for every video, after the time of a decode."""

    def __init__(self, frames: Frames, seconds: float, meter: Meter) -> None:
        super().__init__(DECODERS, 600.0)
        self.frames, self.seconds, self.meter = frames, seconds, meter

    def _attempt(self, slot: int, job: bytes, limits: Any) -> Frames:
        time.sleep(self.seconds)
        self.meter.frames(sum(array.nbytes for array in self.frames.arrays))
        return self.frames


def place(card: Clock, worker: Worker) -> None:
    """Let the worker's forwards compute on the card, in code that has a place for a device."""
    with suppress(ImportError):
        from pipeline.devices.device import Device
        from pipeline.devices.worker_devices import Devices

        class Simulated(Device):
            """As Cuda, with the card's times for its events."""

            def __init__(self) -> None:
                super().__init__()
                self._begin = threading.Lock()

            def lanes(self, threads: int) -> tuple[int, int]:
                return 2, 0

            def begin_lock(self) -> Any:
                return self._begin

            def send(self, values: Any) -> Any:
                card.copy(values.numel())
                return values

            def copies_done(self) -> bool:
                until(card.copied)
                return True

            def fetch(self, values: Any) -> Callable[[], np.ndarray]:
                array, due = values.numpy(), card.free

                def wait() -> np.ndarray:
                    until(due)
                    return array

                return wait

        card.waits = False
        worker.kept(Devices).made["cpu"] = Simulated()
