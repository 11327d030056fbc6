"""A process that does jobs: what it keeps from one to the next, and whom it tells how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Condition
from typing import Any, TypeVar

Job = TypeVar("Job")
Kind = TypeVar("Kind")
Result = TypeVar("Result")


class Worker:
    """What every job of a process is given.

    What takes long to make, such as loaded models, is made once and kept: `worker.kept(Loaded)`. Which classes these
    are is known to those whose jobs ask for them. Such an object is made without arguments; one that holds processes
    or files has a method `close`.
    """

    def __init__(self, shows: bool = True) -> None:
        """shows: whether a job may show bars of its own, because a person sees what this process says."""
        self.shows = shows
        self._kept: dict[type, Any] = {}
        self._tell: Callable[[int], None] | None = None
        self._line: dict[int, Any] = {}  # jobs that are asked for, by ticket; the first is being done
        self._tickets = count()
        self._moved = Condition()

    def do(self, function: Callable[[Job, "Worker"], Result], job: Job, tell: Callable[[int], None] | None) -> Result:
        """function(job, self); `tell` gets every count that the job advances by.

        One job after the other, however many threads ask: what is kept, and torch's threads, serve one at a time. A job
        with a field `following` is told which job waits behind it, if that is one of its kind.
        """
        with self._in_line(job):
            self._tell = tell
            try:
                return function(job, self)
            finally:
                self._tell = None

    @contextmanager
    def _in_line(self, job: Any) -> Iterator[None]:
        """Wait until all are done that came before; the next goes on when this one is over."""
        with self._moved:
            ahead = list(self._line.values())[-1:]
            if ahead and type(ahead[0]) is type(job) and hasattr(job, "following"):
                ahead[0].following = job
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
        """The one object of a class that this process has, made when it is first asked for."""
        if kind not in self._kept:
            self._kept[kind] = kind()
        found: Kind = self._kept[kind]
        return found

    def advance(self, count: int = 1) -> None:
        """Tell that the job has done so many items more."""
        if self._tell is not None:
            self._tell(count)

    def forget(self, kind: type) -> None:
        """Close and let go of the object of a class; the next that ask get a new one."""
        found = self._kept.pop(kind, None)
        if hasattr(found, "close"):
            found.close()

    def close(self) -> None:
        """Forget everything, last made first. The worker can go on."""
        for kind in [*reversed(self._kept)]:
            self.forget(kind)
