"""Jobs on dask workers: processes of this machine, or the workers of a scheduler at some address.

A task reads and writes the shared workspace; only paths, ids, captions and small facts go through the scheduler. A lost
worker costs nothing: dask gives its tasks to another, and a shard is whole or absent. A worker's code and libraries
are checked before it does anything, since a shard says that the run's made it.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from pipeline import progress
from pipeline.errors import LaffError, Missing
from pipeline.progress import Bar
from pipeline.workers import local, versions
from pipeline.workers.worker import Worker

Job = TypeVar("Job")
Result = TypeVar("Result")

ANSWER = 10.0  # seconds for a scheduler to answer
PATIENCE = 120.0  # seconds for a first worker to come
SILENCE = 20.0  # seconds without a result after which workers are counted
REPORTS = 0.5  # seconds between two reports of a task
KEPT = "laff"  # the name of our Worker among the extensions of a dask worker


@dataclass
class Progress:
    """How many items a task has reported as done, and the bar that they move."""

    bar: Bar | None
    count: int = 0


class Cluster:
    """Does jobs on dask workers; results come in the order in which they are finished.

    Workers are started, or looked for, when the first job comes.
    """

    shows = False

    def __init__(self, workers: int = 0, address: str = "", seen: Iterable[Path] = ()) -> None:
        """Use `workers` processes here, or the workers of the scheduler at `address`.

        seen: paths that these must be able to see. Raises Missing where dask is not installed, and where workers of
        this machine could not be protected from its other users.
        """
        if find_spec("distributed") is None:
            raise Missing("distributed", "--scheduler" if address else "--workers")
        if not address:
            local.check()
        self.remote = bool(address)
        self.address, self.workers = address, workers
        self.seen = [str(path.absolute()) for path in seen]
        self._topic = f"laff-{uuid.uuid4().hex}"  # under which tasks report their progress
        self._running: dict[int, Progress] = {}  # by the number of the task
        self._telling = threading.Lock()
        self._count = 0
        self._local: Any = None

    @cached_property
    def _client(self) -> Any:
        """The dask client, connected when it is first asked for."""
        from distributed import Client

        for name in ("distributed", "distributed.client"):  # laff says what matters of their logs in its own words
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            if not self.address:
                self._local = local.start(self.workers)
            client: Any = Client(self.address or self._local, timeout=ANSWER, set_as_default=False)
            if self.address and not client.nthreads():
                progress.say(f"no worker at {self.address} yet; waiting {PATIENCE:g} s for one")
            client.wait_for_workers(self.workers or 1, timeout=PATIENCE)
        except (OSError, TimeoutError, ValueError) as error:
            if not self.address:
                raise LaffError(f"{self.workers} workers did not start: {_words(error)}; try fewer, or none") from None
            hint = f"start them by `dask scheduler` and `dask worker {self.address} --nthreads 1`"
            raise LaffError(f"{self.address}: {_words(error)}; {hint}") from None
        client.subscribe_topic(self._topic, lambda event: self._advance(*event[1]))
        return client

    def each(
        self, function: Callable[[Job, Worker], Result], jobs: Iterable[Job], bar: Bar | None = None
    ) -> Iterator[Result]:
        """The results of function(job, worker) for each job; a few tasks a worker are sent at a time. They move `bar`.

        Raises what a job raised; LaffError where workers are not fit for it, or too many were lost.
        """
        from distributed import CancelledError, KilledWorker, as_completed
        from distributed.comm.core import CommClosedError

        waiting, mine = iter(jobs), set()
        futures: Any = as_completed(loop=self._client.loop)
        try:
            while True:
                for job in islice(waiting, max(0, 2 * len(self._client.nthreads()) + 2 - futures.count())):
                    self._count += 1
                    mine.add(self._count)
                    self._running[self._count] = Progress(bar)
                    futures.add(self._submit(function, job, self._count))
                if futures.is_empty():
                    return
                number, result, count = self._next(futures).result()
                self._advance(number, count, last=True)
                yield result
        except KilledWorker as error:
            raise LaffError(
                f"worker after worker was lost with the same shard ({error.task}); see their logs "
                "(out of memory?), then run the same command again: finished shards are kept"
            ) from None
        except (CancelledError, CommClosedError) as error:
            raise LaffError(
                f"the scheduler is gone ({_words(error)}); run the same command again: finished shards are kept"
            ) from None
        finally:
            with self._telling:  # what a task reports from here on comes too late
                for number in mine:
                    self._running.pop(number, None)
            futures.clear()

    def _next(self, futures: Any) -> Any:
        """The next future that is done; meanwhile a line on standard error where no worker is left."""
        looked = time.monotonic()
        while not futures.has_ready():
            time.sleep(0.01)
            if time.monotonic() - looked > SILENCE:
                looked = time.monotonic()
                if not self._client.nthreads():
                    progress.say("no worker is left; waiting for one (Ctrl-C ends the run, finished shards are kept)")
        return next(futures)

    def _submit(self, function: Callable[[Job, Worker], Result], job: Job, number: int) -> Any:
        """Send a job as a task -> its future."""
        gpu = bool(getattr(job, "gpu", False))
        if gpu and not any(facts["resources"].get("GPU") for facts in self._workers().values()):
            raise LaffError("a stage says on: gpu, but no worker offers one: start workers with --resources GPU=1")
        task = (function, job, number, self._topic, versions.about(), self.seen)
        return self._client.submit(
            do_task,
            *task,
            key=f"{function.__name__}-{self._topic}-{number}",
            pure=False,
            resources={"GPU": 1} if gpu else None,
        )

    def _workers(self) -> Mapping[str, Any]:
        """What the scheduler knows of each worker, by address."""
        workers: Mapping[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return workers

    def _advance(self, number: int, count: int, last: bool = False) -> None:
        """Note that a task has done `count` items: fewer than before where it starts again on another worker."""
        with self._telling:  # dask reports in a thread of its own, perhaps after the result has come
            progress_of_task = self._running.get(number)
            if progress_of_task is None:
                return
            if progress_of_task.bar is not None:
                progress_of_task.bar.advance(count - progress_of_task.count)
            progress_of_task.count = count
            if last:
                del self._running[number]

    def beside(self, most: int, forks: bool, leave: Callable[[], None]) -> Cluster:
        """Itself: each worker does a job."""
        return self

    def forget(self, kind: type) -> None:
        """Make workers forget the object of a class that they keep for further jobs."""
        client = self.__dict__.get("_client")
        if client is not None and client.status == "running":
            client.run(forget_kind, kind, on_error="ignore")

    def close(self) -> None:
        """Make workers forget everything that they keep; end those that were started here."""
        client = self.__dict__.pop("_client", None)
        if client is not None:
            if self.remote and client.status == "running":
                client.run(forget_all, on_error="ignore")
            client.close()
        if self._local is not None:
            self._local.close()


def do_task(
    function: Callable[[Any, Worker], Any], job: Any, number: int, topic: str, wanted: dict[str, str], seen: list[str]
) -> tuple[int, Any, int]:
    """Do one task on a worker -> (its number, the function's result, items done)."""
    from distributed import get_worker

    process = get_worker()
    versions.check(process.address, wanted, seen)
    worker: Worker = process.extensions.setdefault(KEPT, Worker(shows=False))
    done, reported = 0, time.monotonic()

    def report(count: int) -> None:
        nonlocal done, reported
        done += count
        if time.monotonic() - reported > REPORTS:
            process.log_event(topic, (number, done))
            reported = time.monotonic()

    return number, worker.do(function, job, report), done


def forget_kind(kind: type, dask_worker: Any) -> None:
    """Make a worker forget the object of a class that it keeps."""
    if worker := dask_worker.extensions.get(KEPT):
        worker.forget(kind)


def forget_all(dask_worker: Any) -> None:
    """Make a worker forget everything that it keeps."""
    if worker := dask_worker.extensions.get(KEPT):
        worker.close()


def _words(error: BaseException) -> str:
    """The first line of an error of dask, or its type where it has no text."""
    return str(error).partition("\n")[0] or type(error).__name__
