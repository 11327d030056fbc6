"""Threads in which forwards run, and how many batches may wait for them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any


class Lanes:
    """Threads in which forwards run, in the order in which they are given; a few may wait, which bounds the memory."""

    def __init__(self, count: int, waiting: int = 1) -> None:
        self._free = BoundedSemaphore(count + waiting)
        self._threads = ThreadPoolExecutor(count, "forward", initializer=one_thread)

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Let `work` run soon; waits while too much is on its way."""

        def run() -> Any:
            try:
                return work()
            finally:
                self._free.release()

        self._free.acquire()
        return self._threads.submit(run)

    def close(self) -> None:
        """Wait for the forwards under way."""
        self._threads.shutdown(cancel_futures=True)


def one_thread() -> None:
    """Let torch compute in the calling thread alone: sums are then the same whatever runs beside it."""
    import torch

    torch.set_num_threads(1)
