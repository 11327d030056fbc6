"""A GPU as the place where forwards compute.

It is never waited for as a whole: batches are copied in a stream of their own, and only the values of one forward are
waited for, by an event behind them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import progress
from pipeline.devices.device import Device
from pipeline.devices.limits import lacks_memory

if TYPE_CHECKING:
    from torch import Tensor


class Cuda(Device):
    """A GPU: while one forward computes, the next batch is copied and its forward already begun."""

    def __init__(self) -> None:
        import torch

        super().__init__()
        self._begin = threading.Lock()
        self._copies = torch.cuda.Stream()
        self._ended = 0.0  # when values came last, by perf_counter
        self._pins = True  # until the system has no memory left that it can pin

    def lanes(self, threads: int) -> tuple[int, int]:
        """Two forwards, one of them computing; no batch waits beside them, since each holds pinned memory."""
        return 2, 0

    def begin_lock(self) -> AbstractContextManager[object]:
        """One forward is begun at a time; waiting for values is done outside."""
        return self._begin

    def memory(self, shape: Sequence[int]) -> Tensor:
        """Pinned memory, which a GPU copies by itself. torch keeps what is let go of for the next that asks."""
        import torch

        return self._pinned(shape, torch.uint8)

    def _pinned(self, shape: Sequence[int], dtype: Any) -> Tensor:
        """Pinned memory; ordinary memory, which is copied more slowly, where the system pins no more."""
        import torch

        if self._pins:
            try:
                return torch.empty(tuple(shape), dtype=dtype, pin_memory=True)
            except RuntimeError as error:
                if not lacks_memory(error):
                    raise
                self._pins = False
                why = str(error).partition("\n")[0]
                progress.say(
                    f"no more memory can be pinned ({why}); batches are copied to the GPU from ordinary memory"
                )
        return torch.empty(tuple(shape), dtype=dtype)

    def drop(self) -> None:
        """Let go of buffers that were given back, and of pinned memory that torch keeps for others."""
        import torch

        super().drop()
        if empty := getattr(torch.accelerator, "empty_host_cache", None):  # torch 2.11 has it not
            empty()

    def reserve(self, size: int) -> object:
        """So many bytes of the GPU's memory, for as long as the result lives."""
        import torch

        return torch.empty(size, dtype=torch.uint8, device="cuda")

    def send(self, values: Tensor) -> Tensor:
        """Copy in the stream of copies, beside whatever computes; the forward's stream waits for it, not the CPU."""
        import torch

        with torch.cuda.stream(self._copies):
            there = values.to("cuda", non_blocking=True)
            copied = self._copies.record_event()
        computing = torch.cuda.current_stream()
        computing.wait_event(copied)
        there.record_stream(computing)  # its memory is not given away before the forward has read it
        return there

    def copies_done(self) -> bool:
        """Wait for the copies, not for the forwards."""
        self._copies.synchronize()
        return True

    def fetch(self, values: Tensor) -> Callable[[], np.ndarray]:
        """Copy into pinned memory behind the forward; an event tells when that is done."""
        import torch

        here = self._pinned(values.shape, values.dtype)
        here.copy_(values, non_blocking=True)
        done = torch.cuda.Event(blocking=True)  # the thread sleeps meanwhile: decoders want the cores
        done.record()

        def wait() -> np.ndarray:
            done.synchronize()
            array: np.ndarray = here.numpy()
            return array

        return wait

    def computed(self, start: float) -> float:
        """Seconds since it was begun, or since the forward before it ended, for which it had to wait."""
        now = time.perf_counter()
        seconds, self._ended = now - max(start, self._ended), now
        return seconds

    def relieve(self) -> None:
        """Give back to the GPU what torch keeps of its memory."""
        import torch

        torch.cuda.empty_cache()
