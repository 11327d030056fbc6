"""Shards as dask tasks: where work is handed out, in this process or (pipeline.workers.cluster) to many."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Tasks(Protocol):
    """Something that does jobs.

    `function` is importable, jobs and results are small and picklable, so that the same tasks run anywhere; what
    they make goes to the workspace, not through dask. A job whose attribute `gpu` is true needs a GPU.
    """

    remote: bool  # whether jobs run on machines that this process knows nothing of

    def each(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]: ...
    def close(self) -> None: ...


class Serial:
    """One job after the other, in this process: one worker needs no scheduler. Results come in the order of jobs."""

    remote = False

    def each(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """function(job) as a dask task for each job; one with a field `following` is told what comes next."""
        import dask

        waiting: list[Job] = []  # the job whose turn it is, and the next one
        for job in chain(jobs, [None]):
            if job is not None:
                waiting.append(job)
            if len(waiting) == 2 or (job is None and waiting):
                now, *following = waiting
                if hasattr(now, "following"):
                    now.following = following[0] if following else None
                yield dask.delayed(function, pure=False, traverse=False)(now).compute(scheduler="synchronous")
                waiting = following

    def close(self) -> None:
        """End the decoder processes."""
        from pipeline.extraction import sweep

        sweep.close()
