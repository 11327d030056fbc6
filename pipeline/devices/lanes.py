"""Threads in which forwards run, and how many batches may wait for them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any


class Lanes:
    """Runs forwards in threads, in the order in which they come; only a few may wait, which bounds the memory."""

    def __init__(self, count: int, waiting: int = 1) -> None:
        self._free = BoundedSemaphore(count + waiting)
        self._threads = ThreadPoolExecutor(count, "forward", initializer=one_thread)

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Let `work` run in a thread; waits while too many others wait."""

        def run() -> Any:
            try:
                return work()
            finally:
                self._free.release()

        self._free.acquire()
        return self._threads.submit(run)

    def close(self) -> None:
        """Wait for the forwards that run; those that wait are cancelled."""
        self._threads.shutdown(cancel_futures=True)


def one_thread() -> None:
    """Let torch use the calling thread alone, so that sums are the same whatever runs beside it."""
    import torch

    torch.set_num_threads(1)
