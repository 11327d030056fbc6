"""Jobs, and who does them: this process, or (pipeline.workers.cluster) many."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol, TypeVar

from pipeline.progress import Bar
from pipeline.workers.worker import Worker

Job = TypeVar("Job")
Result = TypeVar("Result")

AHEAD = 2  # jobs that are known beside the one that is done: its successor may be nearly done already


@dataclass
class Made:
    """What a job reports: a finished unit of a stage."""

    stage: str
    key: str
    rows: int
    seconds: float
    failed: list[dict[str, str]] = field(default_factory=list)
    training: dict[str, float] = field(default_factory=dict)  # of a model: its epochs, and their seconds in all runs
    notes: list[dict[str, str]] = field(default_factory=list)  # ledger lines of videos that are used, with a flaw


class Tasks(Protocol):
    """Something that does jobs.

    `function` is importable, jobs and results are small and picklable, so that the same tasks run anywhere; what
    they make goes to the workspace, not through dask. A job whose attribute `gpu` is true needs a GPU.
    """

    remote: bool  # whether jobs run on machines that this process knows nothing of
    shows: bool  # whether a job may show bars of its own

    def each(
        self, function: Callable[[Job, Worker], Result], jobs: Iterable[Job], bar: Bar | None = None
    ) -> Iterator[Result]: ...
    def forget(self, kind: type) -> None: ...
    def close(self) -> None: ...


class Serial:
    """One job after the other, in this process: one worker needs no scheduler. Results come in the order of jobs."""

    remote = False
    shows = True

    def __init__(self) -> None:
        self.worker = Worker()

    def each(
        self, function: Callable[[Job, Worker], Result], jobs: Iterable[Job], bar: Bar | None = None
    ) -> Iterator[Result]:
        """function(job, worker) for each job; one with a field `following` is told what comes next, as that one is.

        What the jobs advance by moves `bar`.
        """
        tell = None if bar is None else bar.advance
        coming = iter(jobs)
        waiting = deque(islice(coming, 1 + AHEAD))  # the job whose turn it is, and those behind it
        while waiting:
            for job, following in zip(waiting, [*waiting, None][1:], strict=True):
                if hasattr(job, "following"):
                    job.following = following
            yield self.worker.do(function, waiting.popleft(), tell)
            waiting.extend(islice(coming, 1))

    def forget(self, kind: type) -> None:
        """Let go of what this process keeps of a class for further jobs."""
        self.worker.forget(kind)

    def close(self) -> None:
        """Let go of everything that this process keeps for further jobs."""
        self.worker.close()
