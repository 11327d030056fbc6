"""Jobs, and the processes that do them: this one, or many (pipeline.workers.cluster)."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol, TypeVar

from pipeline.progress import Bar
from pipeline.workers.beside import Beside
from pipeline.workers.worker import Worker

Job = TypeVar("Job")
Result = TypeVar("Result")

AHEAD = 2  # jobs that are known beside the one that runs: the next may be nearly done already


@dataclass
class Made:
    """A finished unit of a stage, as a job reports it."""

    stage: str
    key: str
    rows: int
    seconds: float
    failed: list[dict[str, str]] = field(default_factory=list)
    training: dict[str, float] = field(default_factory=dict)  # of a model: its epochs, and their seconds in all runs
    notes: list[dict[str, str]] = field(default_factory=list)  # ledger lines of videos that are used, with a flaw


class Tasks(Protocol):
    """Whatever does jobs.

    `function` is importable, jobs and results are small and can be pickled, so that the same jobs run anywhere; what
    they make goes to the workspace, not through dask. A job whose attribute `gpu` is true needs a GPU.
    """

    remote: bool  # whether jobs run on machines that may differ from this one
    shows: bool  # whether a job may show bars of its own

    def each(
        self, function: Callable[[Job, Worker], Result], jobs: Iterable[Job], bar: Bar | None = None
    ) -> Iterator[Result]:
        """The results of function(job, worker) for each job; the jobs move `bar`."""

    def beside(self, most: int, forks: bool, leave: Callable[[], None]) -> "Tasks":
        """What does up to `most` jobs at a time, as Beside has it; itself where workers do that anyway."""

    def forget(self, kind: type) -> None:
        """Forget the object of a class that workers keep for further jobs."""

    def close(self) -> None:
        """Forget everything that workers keep, and end those that were started here."""


class Serial:
    """Does one job after the other in this process, which needs no scheduler; results come in the order of jobs."""

    remote = False
    shows = True

    def __init__(self) -> None:
        self.worker = Worker()

    def each(
        self, function: Callable[[Job, Worker], Result], jobs: Iterable[Job], bar: Bar | None = None
    ) -> Iterator[Result]:
        """The results of function(job, worker) for each job; the jobs move `bar`.

        A job with a field `following` has the next job there, and that one the job behind it.
        """
        advance = None if bar is None else bar.advance
        coming = iter(jobs)
        waiting = deque(islice(coming, 1 + AHEAD))  # the job whose turn it is, and those behind it
        while waiting:
            for job, following in zip(waiting, [*waiting, None][1:], strict=True):
                if hasattr(job, "following"):
                    job.following = following
            yield self.worker.do(function, waiting.popleft(), advance)
            waiting.extend(islice(coming, 1))

    def beside(self, most: int, forks: bool, leave: Callable[[], None]) -> Tasks:
        """What does up to `most` jobs at a time, in processes of their own."""
        return Beside(most, self.worker, forks, leave) if most > 1 else self

    def forget(self, kind: type) -> None:
        """Forget the object of a class that this process keeps for further jobs."""
        self.worker.forget(kind)

    def close(self) -> None:
        """Forget everything that this process keeps for further jobs."""
        self.worker.close()
