"""A GPU as the device where forwards compute.

Nothing waits for the GPU as a whole: batches are copied in a stream of their own, and to get the values of one forward
only an event behind them is waited for.
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
    """A GPU: while one forward computes, the next batch is copied and its forward is begun."""

    def __init__(self) -> None:
        import torch

        super().__init__()
        self._begin = threading.Lock()
        self._copies = torch.cuda.Stream()
        self._ended = 0.0  # when the last values came, by perf_counter
        self._pins = True  # until the system cannot pin more memory

    def lanes(self, threads: int) -> tuple[int, int]:
        """(2, 0): one forward computes and one is begun; no further batch waits, since each holds pinned memory."""
        return 2, 0

    def begin_lock(self) -> AbstractContextManager[object]:
        """The lock that is held while a forward is begun, and not while its values are waited for."""
        return self._begin

    def memory(self, shape: Sequence[int]) -> Tensor:
        """Pinned memory, which a GPU copies by itself. torch keeps freed pinned memory for the next call."""
        import torch

        return self._pinned(shape, torch.uint8)

    def _pinned(self, shape: Sequence[int], dtype: Any) -> Tensor:
        """Pinned memory; where the system can pin no more, ordinary memory, which is copied more slowly."""
        import torch

        if self._pins:
            try:
                return torch.empty(tuple(shape), dtype=dtype, pin_memory=True)
            except RuntimeError as error:
                if not lacks_memory(error):
                    raise
                self._pins = False
                reason = str(error).partition("\n")[0]
                progress.say(
                    f"no more memory can be pinned ({reason}); batches are copied to the GPU from ordinary memory"
                )
        return torch.empty(tuple(shape), dtype=dtype)

    def drop(self) -> None:
        """Free the buffers that were given back, and the pinned memory that torch keeps."""
        import torch

        super().drop()
        if empty := getattr(torch.accelerator, "empty_host_cache", None):  # torch 2.11 lacks it
            empty()

    def reserve(self, size: int) -> object:
        """Hold `size` bytes of the GPU's memory for as long as the result lives."""
        import torch

        return torch.empty(size, dtype=torch.uint8, device="cuda")

    def send(self, values: Tensor) -> Tensor:
        """Copy in the stream of copies, beside other work; the stream of forwards waits for it, the CPU does not."""
        import torch

        with torch.cuda.stream(self._copies):
            copy = values.to("cuda", non_blocking=True)
            copied = self._copies.record_event()
        computing = torch.cuda.current_stream()
        computing.wait_event(copied)
        copy.record_stream(computing)  # its memory is not reused before the forward has read it
        return copy

    def copies_done(self) -> bool:
        """Wait for the copies and not for the forwards -> True."""
        self._copies.synchronize()
        return True

    def fetch(self, values: Tensor) -> Callable[[], np.ndarray]:
        """Begin to copy into pinned memory behind the forward; the result waits for an event behind the copy."""
        import torch

        pinned = self._pinned(values.shape, values.dtype)
        pinned.copy_(values, non_blocking=True)
        # The thread sleeps meanwhile: decoders need the cores.
        done = torch.cuda.Event(blocking=True)
        done.record()

        def wait() -> np.ndarray:
            done.synchronize()
            array: np.ndarray = pinned.numpy()
            return array

        return wait

    def computed(self, start: float) -> float:
        """Seconds since the forward was begun, or since the forward before it ended, whichever is later."""
        now = time.perf_counter()
        seconds, self._ended = now - max(start, self._ended), now
        return seconds

    def relieve(self) -> None:
        """Free the GPU's memory that torch keeps."""
        import torch

        torch.cuda.empty_cache()
