"""The thread that searches: one question after the other, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pipeline.serve.problems import Refused

Result = TypeVar("Result")
MOST = 1000  # questions that wait at once


class Searches:
    """One thread, since models are not made for several, and a search uses all cores by itself."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "search")
        self._waiting = 0

    async def do(self, function: Callable[[], Result]) -> Result:
        """The result of a function in that thread. It is not begun any more where the caller is cancelled before."""
        if self._waiting >= MOST:
            raise Refused(f"{MOST:,} questions are waiting already; ask again in a moment", 503)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function)
        finally:
            self._waiting -= 1

    def later(self, function: Callable[[], None]) -> None:
        """Do something in that thread when it has time; what goes wrong there is told to the next who asks for it."""
        self._thread.submit(function)

    def close(self) -> None:
        """Begin nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)
