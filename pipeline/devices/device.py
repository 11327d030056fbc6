"""The device where forwards compute, how batches get there and values come back: for a CPU; cuda.py is for a GPU."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


class Device:
    """A CPU: it reads batches from the memory they are in, and values are there when a forward returns."""

    def __init__(self) -> None:
        self._buffers: list[Tensor] = []  # given back, to be filled again
        self._alone = threading.Lock()

    def lanes(self, threads: int) -> tuple[int, int]:
        """How many forwards run at a time, and how many more batches may wait. threads: of the CPU."""
        return threads, 1

    def begin_lock(self) -> AbstractContextManager[object]:
        """The lock that is held while a forward is begun: none on a CPU."""
        return nullcontext()

    def take(self, slots: int, shape: Sequence[int]) -> Tensor:
        """Memory to fill, [at least `slots`, *shape] uint8, not cleared: a buffer that was given back, or a new one.

        Smaller buffers of that shape are freed, so that no more are kept than are in use at a time.
        """
        with self._alone:
            alike = [buffer for buffer in self._buffers if buffer.shape[1:] == tuple(shape)]
            self._buffers = [buffer for buffer in self._buffers if buffer.shape[1:] != tuple(shape)]
            self._buffers += (large := [buffer for buffer in alike if len(buffer) >= slots])
            if large:
                return self._buffers.pop()
        return self.memory((slots, *shape))

    def give(self, buffer: Tensor) -> None:
        """Give back a buffer whose content is not needed any more, so that `take` may give it again."""
        with self._alone:
            self._buffers.append(buffer)

    def drop(self) -> None:
        """Free the buffers that were given back."""
        with self._alone:
            self._buffers.clear()

    def memory(self, shape: Sequence[int]) -> Tensor:
        """New memory of this machine, uint8, of the kind that suits the device."""
        import torch

        return torch.empty(tuple(shape), dtype=torch.uint8)

    def reserve(self, size: int) -> object:
        """Hold `size` bytes of the device's own memory for as long as the result lives; a CPU has none of its own."""
        return None

    def send(self, values: Tensor) -> Tensor:
        """The values on the device, or being copied there: what this thread computes next waits for them."""
        return values

    def copies_done(self) -> bool:
        """Whether the memory of a batch may be filled again once its forward was begun; it waits for that.

        False, as on a CPU: not before the forward's values are there.
        """
        return False

    def fetch(self, values: Tensor) -> Callable[[], np.ndarray]:
        """Begin to copy values to this machine's memory -> a function that waits for them and gives them."""
        array: np.ndarray = values.cpu().numpy()
        return lambda: array

    def computed(self, start: float) -> float:
        """Seconds that a forward took whose values have just come; start: when it was begun (perf_counter)."""
        return time.perf_counter() - start

    def relieve(self) -> None:
        """Free the device's own memory that nothing uses."""
