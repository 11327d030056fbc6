"""The same tasks on dask workers: processes of this machine, or whatever waits behind a scheduler's address.

A task reads and writes the shared workspace; through the scheduler go paths, ids, captions and small facts. A worker
that is lost costs nothing: dask gives its tasks to another, and a shard is whole or absent. Every worker is asked for
its code and libraries before it does anything, since a shard says that it was made by those of the run.
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
SILENCE = 20.0  # seconds without a result until workers are counted
KEPT = "laff"  # name of our Worker among the extensions of a dask worker


@dataclass
class Told:
    """How far a task has told that it is, and the bar that this moves."""

    bar: Bar | None
    count: int = 0


class Cluster:
    """Jobs on dask workers; results come as they are finished. Workers are started or sought when first needed."""

    shows = False

    def __init__(self, workers: int = 0, address: str = "", seen: Iterable[Path] = ()) -> None:
        """`workers` processes here, or the workers of the scheduler at `address`, which must see the paths `seen`.

        Missing where dask is not installed, or where workers of this machine could not be kept from others who use it.
        """
        if find_spec("distributed") is None:
            raise Missing("distributed", "--scheduler" if address else "--workers")
        if not address:
            local.check()
        self.remote = bool(address)
        self.address, self.workers = address, workers
        self.seen = [str(path.absolute()) for path in seen]
        self._topic = f"laff-{uuid.uuid4().hex}"  # on which tasks tell how far they are
        self._running: dict[int, Told] = {}  # by the number of the task
        self._telling = threading.Lock()
        self._count = 0
        self._local: Any = None

    @cached_property
    def _client(self) -> Any:
        from distributed import Client

        for name in ("distributed", "distributed.client"):  # what matters of what they log is told in our words
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            if not self.address:
                self._local = local.start(self.workers)
            client = Client(self.address or self._local, timeout=ANSWER, set_as_default=False)
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
        """function(job, worker) for each job, a few tasks a worker on their way at a time; they move `bar`.

        Raises what a job raised; LaffError where workers are not fit for it, or too many were lost.
        """
        from distributed import CancelledError, KilledWorker, as_completed
        from distributed.comm import CommClosedError

        waiting, mine = iter(jobs), set()
        futures = as_completed(loop=self._client.loop)
        try:
            while True:
                for job in islice(waiting, max(0, 2 * len(self._client.nthreads()) + 2 - futures.count())):
                    self._count += 1
                    mine.add(self._count)
                    self._running[self._count] = Told(bar)
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
            with self._telling:  # what a task tells from here on comes too late
                for number in mine:
                    self._running.pop(number, None)
            futures.clear()

    def _next(self, futures: Any) -> Any:
        """The next future that is done; says so where no worker is left to do any."""
        looked = time.monotonic()
        while not futures.has_ready():
            time.sleep(0.01)
            if time.monotonic() - looked > SILENCE:
                looked = time.monotonic()
                if not self._client.nthreads():
                    progress.say("no worker is left; waiting for one (Ctrl-C ends the run, finished shards are kept)")
        return next(futures)

    def _submit(self, function: Callable[[Job, Worker], Result], job: Job, number: int) -> Any:
        gpu = bool(getattr(job, "gpu", False))
        if gpu and not any(facts["resources"].get("GPU") for facts in self._workers().values()):
            raise LaffError("a stage says on: gpu, but no worker offers one: start workers with --resources GPU=1")
        task = (function, job, number, self._topic, versions.about(), self.seen)
        return self._client.submit(
            _do,
            *task,
            key=f"{function.__name__}-{self._topic}-{number}",
            pure=False,
            resources={"GPU": 1} if gpu else None,
        )

    def _workers(self) -> Mapping[str, Any]:
        workers: Mapping[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return workers

    def _advance(self, number: int, count: int, last: bool = False) -> None:
        """A task has done `count` items; fewer than it told before when it starts anew elsewhere."""
        with self._telling:  # dask tells in a thread of its own, perhaps later than the result comes
            told = self._running.get(number)
            if told is None:
                return
            if told.bar is not None:
                told.bar.advance(count - told.count)
            told.count = count
            if last:
                del self._running[number]

    def forget(self, kind: type) -> None:
        """Let workers let go of what they keep of a class for further jobs."""
        client = self.__dict__.get("_client")
        if client is not None and client.status == "running":
            client.run(_forget, kind, on_error="ignore")

    def close(self) -> None:
        """Let the workers let go of everything that they keep; end those that were started here."""
        client = self.__dict__.pop("_client", None)
        if client is not None:
            if self.remote and client.status == "running":
                client.run(_leave, on_error="ignore")
            client.close()
        if self._local is not None:
            self._local.close()


def _do(
    function: Callable[[Any, Worker], Any], job: Any, number: int, topic: str, wanted: dict[str, str], seen: list[str]
) -> tuple[int, Any, int]:
    """One task, on a worker -> (its number, what the function gives, items done)."""
    from distributed import get_worker

    process = get_worker()
    versions.check(process.address, wanted, seen)
    worker: Worker = process.extensions.setdefault(KEPT, Worker(shows=False))
    done, told = 0, time.monotonic()

    def tell(count: int) -> None:
        nonlocal done, told
        done += count
        if time.monotonic() - told > 0.5:
            process.log_event(topic, (number, done))
            told = time.monotonic()

    return number, worker.do(function, job, tell), done


def _forget(kind: type, dask_worker: Any) -> None:
    """On a worker: let go of what it keeps of a class."""
    if worker := dask_worker.extensions.get(KEPT):
        worker.forget(kind)


def _leave(dask_worker: Any) -> None:
    """On a worker: let go of everything that it keeps."""
    if worker := dask_worker.extensions.get(KEPT):
        worker.close()


def _words(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
