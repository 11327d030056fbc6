"""What is made of videos for the page, each once: in processes that can be killed, kept in bounded memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pipeline.serve.held import Mark, of_held
from pipeline.serve.moments import Window
from pipeline.serve.problems import Refused
from pipeline.workers.killable import Killable, Lost

WORKERS = 2
MEMORY = 2.0  # GiB for one
KEPT = 256 << 20  # bytes
ENTRY = 1 << 10  # bytes that one takes at least

Made = Sequence[bytes]
Job = Callable[[Window], Made]


@dataclass
class Making:
    """One that is being made, or waits for it."""

    task: asyncio.Task[Made] = field(init=False)
    wanted: int = 0  # by how many
    begun: bool = False


class Clips:
    """Makes them inside its `with` block; for one event loop."""

    def __init__(self, seconds: float = 60.0, most: int = 128, instead: Made | None = None) -> None:
        """Set the bounds.

        seconds: that one may take. most: that are being made or wait for it. instead: what stands for one that cannot
        be made; None: it is Refused, and tried again when it is asked for again.
        """
        self._most, self._instead = most, instead
        self._processes = Killable(WORKERS, seconds, MEMORY)
        self._threads = ThreadPoolExecutor(WORKERS, "clips")  # each waits for a process
        self._making: dict[Hashable, Making] = {}
        self._kept: OrderedDict[Hashable, Made] = OrderedDict()
        self._size = 0

    def __enter__(self) -> Clips:
        self._processes.__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        """Kill what is being made."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._processes.__exit__(*reason)

    async def made(self, job: Job, marked: Mark, window: Window) -> Made:
        """What job(window) makes of the file with this mark; those who ask for the same share it.

        Refused where it cannot be made, or too much is being made. What nobody waits for any more is not begun.
        """
        key = (job.__name__, marked, window)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._making:
            if len(self._making) >= self._most:
                raise Refused("too many clips are being made at once; try again in a moment", 503)
            making = self._making[key] = Making()
            making.task = asyncio.create_task(self._make(key, making, partial(of_held, job, marked), window))
            making.task.add_done_callback(_looked_at)
        making = self._making[key]
        making.wanted += 1
        try:
            return await asyncio.shield(making.task)  # the others still want it where one of them goes
        finally:
            making.wanted -= 1
            if not making.wanted and not making.begun:
                making.task.cancel()
                self._end(key, making)

    def _end(self, key: Hashable, making: Making) -> None:
        """Leave out what is made, or given up; another one may have its key already."""
        if self._making.get(key) is making:
            del self._making[key]

    async def _make(self, key: Hashable, making: Making, job: Job, window: Window) -> Made:
        try:
            made = await asyncio.get_running_loop().run_in_executor(self._threads, self._result, making, job, window)
        finally:
            self._end(key, making)
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

    def _result(self, making: Making, job: Job, window: Window) -> Made | Lost:
        making.begun = True
        return next(self._processes.imap(job, [window]))


def _size(made: Made) -> int:
    return ENTRY + sum(map(len, made))


def _looked_at(done: asyncio.Task[Made]) -> None:
    """Take the error of a task, so that none counts as forgotten where nobody waits any more."""
    if not done.cancelled():
        done.exception()
