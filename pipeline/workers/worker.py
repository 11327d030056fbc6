"""What a process that does jobs keeps from one job to the next, and how it reports their progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Condition
from typing import Any, TypeVar

Job = TypeVar("Job")
Kind = TypeVar("Kind")
Result = TypeVar("Result")


class Worker:
    """The object that every job of a process is given.

    It keeps objects that take long to make, such as loaded models, for later jobs: `worker.kept(Loaded)`. The class of
    such an object takes no arguments; it has a method `close` where it holds processes or files.
    """

    def __init__(self, shows: bool = True) -> None:
        """Keep nothing yet; shows: whether jobs may show bars, because a person sees this process's output."""
        self.shows = shows
        self._kept: dict[type, Any] = {}
        self._tell: Callable[[int], None] | None = None
        self._line: dict[int, Any] = {}  # jobs that wait, by ticket; the first is being done
        self._tickets = count()
        self._moved = Condition()

    def do(self, function: Callable[[Job, "Worker"], Result], job: Job, tell: Callable[[int], None] | None) -> Result:
        """The result of function(job, self); `tell` is called with every count that the job advances by.

        Jobs are done one after the other, however many threads ask: the objects that are kept, and torch's threads,
        serve one job at a time. A job with a field `following` has the next job there, where that is of the same type.
        """
        with self._in_line(job):
            self._tell = tell
            try:
                return function(job, self)
            finally:
                self._tell = None

    @contextmanager
    def _in_line(self, job: Any) -> Iterator[None]:
        """Wait until all earlier jobs are done; the next job goes on when the block ends."""
        with self._moved:
            before = list(self._line.values())[-1:]
            if before and type(before[0]) is type(job) and hasattr(job, "following"):
                before[0].following = job
            ticket = next(self._tickets)
            self._line[ticket] = job
        try:
            with self._moved:
                self._moved.wait_for(lambda: next(iter(self._line)) == ticket)
            yield
        finally:
            with self._moved:
                del self._line[ticket]
                self._moved.notify_all()

    def kept(self, kind: type[Kind]) -> Kind:
        """The object of a class that this process keeps, made at the first call."""
        if kind not in self._kept:
            self._kept[kind] = kind()
        instance: Kind = self._kept[kind]
        return instance

    def advance(self, count: int = 1) -> None:
        """Report that the job has done `count` more items."""
        if self._tell is not None:
            self._tell(count)

    def forget(self, kind: type) -> None:
        """Close and forget the object of a class; the next call of `kept` makes a new one."""
        instance = self._kept.pop(kind, None)
        if hasattr(instance, "close"):
            instance.close()

    def close(self) -> None:
        """Forget everything, last made first. The worker can still do jobs."""
        for kind in [*reversed(self._kept)]:
            self.forget(kind)
