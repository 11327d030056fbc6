"""What is made of videos for the page, each once: in processes that can be killed, kept in bounded memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.serve.moments import Window
from pipeline.serve.problems import Refused
from pipeline.workers.killable import Killable, Lost

WORKERS = 2
MEMORY = 2.0  # GiB for one
KEPT = 256 << 20  # bytes
ENTRY = 1 << 10  # bytes that one takes at least

Made = Sequence[bytes]
Job = Callable[[Window], Made]


class Clips:
    """Makes them inside its `with` block; for one event loop."""

    def __init__(self, seconds: float = 60.0, most: int = 32, instead: Made | None = None) -> None:
        """Set the bounds.

        seconds: that one may take. most: that are being made or wait for it. instead: what stands for one that cannot be
        made; None: it is Refused, and tried again when it is asked for again.
        """
        self._most, self._instead = most, instead
        self._processes = Killable(WORKERS, seconds, MEMORY)
        self._threads = ThreadPoolExecutor(WORKERS, "clips")  # each waits for a process
        self._making: dict[Hashable, asyncio.Task[Made]] = {}
        self._kept: OrderedDict[Hashable, Made] = OrderedDict()
        self._size = 0

    def __enter__(self) -> Clips:
        self._processes.__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        """Kill what is being made."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._processes.__exit__(*reason)

    async def made(self, key: Hashable, job: Job, window: Window) -> Made:
        """What job(window) makes. Refused where it cannot be made, or too much is being made. Equal keys share it."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._making:
            if len(self._making) >= self._most:
                raise Refused("too many clips are being made at once; try again in a moment", 503)
            task = self._making[key] = asyncio.create_task(self._make(key, job, window))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # somebody has looked at it
        return await asyncio.shield(self._making[key])  # the others still want it where one of them goes

    async def _make(self, key: Hashable, job: Job, window: Window) -> Made:
        try:
            made = await asyncio.get_running_loop().run_in_executor(self._threads, self._result, job, window)
        finally:
            del self._making[key]
        if isinstance(made, Lost):
            if self._instead is None:
                raise Refused(f"it cannot be shown: {made.reason}", 422)
            made = self._instead
        self._kept[key] = made
        self._size += _size(made)
        while self._size > KEPT:
            _, oldest = self._kept.popitem(last=False)
            self._size -= _size(oldest)
        return made

    def _result(self, job: Job, window: Window) -> Made | Lost:
        return next(self._processes.imap(job, [window]))


def _size(made: Made) -> int:
    return ENTRY + sum(map(len, made))
