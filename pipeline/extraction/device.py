"""Where forwards compute, and how batches get there and values back: a CPU, a GPU, or in tests what stands for one.

A GPU is never waited for as a whole: batches are copied in a stream of their own, and only the values of one forward
are waited for, by an event behind them.
"""

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

    def turn(self) -> AbstractContextManager[object]:
        """In it a forward is begun."""
        return nullcontext()

    def take(self, slots: int, shape: Sequence[int]) -> Tensor:
        """Memory to fill, [at least `slots`, *shape] uint8, not cleared: one that was given back, or new."""
        with self._alone:
            for number, buffer in enumerate(self._buffers):
                if buffer.shape[1:] == tuple(shape) and len(buffer) >= slots:
                    return self._buffers.pop(number)
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

    def send(self, values: Tensor) -> Tensor:
        """The values on the device, or on their way: what is computed next by this thread waits for them."""
        return values

    def sent(self) -> bool:
        """True as soon as a forward that was begun no longer needs the memory that its batch came from.

        False: not before its values are there.
        """
        return False

    def fetch(self, values: Tensor) -> Callable[[], np.ndarray]:
        """Begin to bring values here -> what waits for them, and gives them."""
        array: np.ndarray = values.cpu().numpy()
        return lambda: array

    def took(self, start: float) -> float:
        """Seconds that a forward computed whose values are there now; start: when it was begun (perf_counter)."""
        return time.perf_counter() - start

    def relieve(self) -> None:
        """Let go of the device's own memory that nothing uses."""


class Cuda(Device):
    """A GPU: while one forward computes, the next batch is copied and its forward already begun."""

    def __init__(self) -> None:
        import torch

        super().__init__()
        self._begin = threading.Lock()
        self._copies = torch.cuda.Stream()
        self._ended = 0.0  # when values came last, by perf_counter

    def lanes(self, threads: int) -> tuple[int, int]:
        """Two forwards, one of them computing; none waits beside them, since a batch takes memory of the GPU."""
        return 2, 0

    def turn(self) -> AbstractContextManager[object]:
        """One forward is begun at a time; waiting for values is done outside."""
        return self._begin

    def memory(self, shape: Sequence[int]) -> Tensor:
        """Pinned memory, which a GPU copies by itself. torch keeps what is let go of for the next that asks."""
        import torch

        return torch.empty(tuple(shape), dtype=torch.uint8, pin_memory=True)

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

    def sent(self) -> bool:
        """Wait for the copies, not for the forwards."""
        self._copies.synchronize()
        return True

    def fetch(self, values: Tensor) -> Callable[[], np.ndarray]:
        """Copy into pinned memory behind the forward; an event tells when that is done."""
        import torch

        here = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        here.copy_(values, non_blocking=True)
        done = torch.cuda.Event(blocking=True)  # the thread sleeps meanwhile: decoders want the cores
        done.record()

        def wait() -> np.ndarray:
            done.synchronize()
            array: np.ndarray = here.numpy()
            return array

        return wait

    def took(self, start: float) -> float:
        """Seconds since it was begun, or since the forward before it ended, for which it had to wait."""
        now = time.perf_counter()
        seconds, self._ended = now - max(start, self._ended), now
        return seconds

    def relieve(self) -> None:
        """Give back to the GPU what torch keeps of its memory."""
        import torch

        torch.cuda.empty_cache()


def lacks_memory(error: BaseException) -> bool:
    """Whether a forward ended because a GPU's memory ran out: torch says so, or cuBLAS or cuDNN, in words of theirs."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    words = ("ALLOC_FAILED", "ALLOCATION_FAILED", "out of memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


class Devices:
    """The devices of a worker, each made when it is first asked for."""

    def __init__(self) -> None:
        self.made: dict[str, Device] = {}

    def named(self, name: str) -> Device:
        """The device called cpu or cuda."""
        if name not in self.made:
            self.made[name] = Cuda() if name == "cuda" else Device()
        return self.made[name]
