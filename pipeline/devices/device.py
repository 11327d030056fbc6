"""Where forwards compute, and how batches get there and values back: a CPU; a GPU (cuda.py) does it otherwise."""

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
    """A CPU: it reads batches where they lie, and values are there when a forward returns."""

    def __init__(self) -> None:
        self._buffers: list[Tensor] = []  # that wait to be filled again
        self._alone = threading.Lock()

    def lanes(self, threads: int) -> tuple[int, int]:
        """Forwards on their way at a time, and how many batches more may wait for them. threads: of a CPU."""
        return threads, 1

    def begin_lock(self) -> AbstractContextManager[object]:
        """Held while a forward is begun."""
        return nullcontext()

    def take(self, slots: int, shape: Sequence[int]) -> Tensor:
        """Memory to fill, [at least `slots`, *shape] uint8, not cleared: one that was given back, or new.

        Those of that shape that are too small for it are let go of, so that no more are kept than are in use at a time.
        """
        with self._alone:
            alike = [buffer for buffer in self._buffers if buffer.shape[1:] == tuple(shape)]
            self._buffers = [buffer for buffer in self._buffers if buffer.shape[1:] != tuple(shape)]
            self._buffers += (large := [buffer for buffer in alike if len(buffer) >= slots])
            if large:
                return self._buffers.pop()
        return self.memory((slots, *shape))

    def give(self, buffer: Tensor) -> None:
        """What it holds is not needed any more: the next that takes may fill it."""
        with self._alone:
            self._buffers.append(buffer)

    def drop(self) -> None:
        """Let go of buffers that were given back."""
        with self._alone:
            self._buffers.clear()

    def memory(self, shape: Sequence[int]) -> Tensor:
        """New memory of this machine, uint8, in the way that suits the device."""
        import torch

        return torch.empty(tuple(shape), dtype=torch.uint8)

    def reserve(self, size: int) -> object:
        """So many bytes of the device's own memory, where that is scarce, for as long as the result lives."""
        return None

    def send(self, values: Tensor) -> Tensor:
        """The values on the device, or on their way: what is computed next by this thread waits for them."""
        return values

    def copies_done(self) -> bool:
        """True as soon as a forward that was begun no longer needs the memory that its batch came from.

        False: not before its values are there.
        """
        return False

    def fetch(self, values: Tensor) -> Callable[[], np.ndarray]:
        """Begin to bring values here -> what waits for them, and gives them."""
        array: np.ndarray = values.cpu().numpy()
        return lambda: array

    def computed(self, start: float) -> float:
        """Seconds that a forward computed whose values are there now; start: when it was begun (perf_counter)."""
        return time.perf_counter() - start

    def relieve(self) -> None:
        """Let go of the device's own memory that nothing uses."""
