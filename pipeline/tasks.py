"""Shards as dask tasks: the one place where work is handed out."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def each(function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
    """function(job) as a dask task for each job, one after the other in this process; results as they come.

    One worker needs no scheduler process. `function` is importable and jobs and results are small and picklable, so
    that the same tasks can run on a cluster; what they make goes to the workspace, not through dask.
    """
    import dask

    for job in jobs:
        yield dask.delayed(function, pure=False)(job).compute(scheduler="synchronous")
