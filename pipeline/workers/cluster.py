"""The same tasks on dask workers: processes of this machine, or whatever waits behind a scheduler's address.

A task reads and writes the shared workspace; through the scheduler go paths, ids, captions and small facts. A worker
that is lost costs nothing: dask gives its tasks to another, and a shard is whole or absent. Every worker is asked for
its code and libraries before it does anything, since a shard says that it was made by those of the run.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, TypeVar

from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.parts import code
from pipeline.workers import malloc

Job = TypeVar("Job")
Result = TypeVar("Result")

ANSWER = 10.0  # seconds for a scheduler to answer
PATIENCE = 120.0  # seconds for a first worker to come
SILENCE = 20.0  # seconds without a result until workers are counted
LOSSES = 3  # workers that one task may take with it before the run gives up
PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "av",
    "decord",
    "pillow",
    "h5py",
    "timm",
    "open_clip_torch",
    "pytorchvideo",
)

_alone = threading.Lock()  # a process does one shard at a time, however many threads its worker has


class Cluster:
    """Jobs on dask workers; results come as they are finished. Workers are started or sought when first needed."""

    def __init__(self, workers: int = 0, address: str = "", seen: Iterable[Path] = ()) -> None:
        """`workers` processes here, or the workers of the scheduler at `address`, which must see the paths `seen`."""
        self.remote = bool(address)
        self.address, self.workers = address, workers
        self.seen = [str(path.absolute()) for path in seen]
        self._topic = f"laff-{uuid.uuid4().hex}"  # on which tasks tell how far they are
        self._done: dict[int, int] = {}  # task -> items that it has told
        self._finished: set[int] = set()
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
                self._local = _local(self.workers)
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

    def each(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """function(job) for each job, a few tasks a worker on their way at a time.

        Raises what a job raised; LaffError where workers are not fit for it, or too many were lost.
        """
        from distributed import CancelledError, KilledWorker, as_completed
        from distributed.comm import CommClosedError

        waiting = iter(jobs)
        futures = as_completed(loop=self._client.loop)
        try:
            while True:
                for job in islice(waiting, max(0, 2 * len(self._client.nthreads()) + 2 - futures.count())):
                    futures.add(self._submit(function, job))
                if futures.is_empty():
                    return
                number, result, count = self._next(futures).result()
                self._advance(number, count)
                self._finished.add(number)
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

    def _submit(self, function: Callable[[Job], Result], job: Job) -> Any:
        gpu = bool(getattr(job, "gpu", False))
        if gpu and not any(facts["resources"].get("GPU") for facts in self._workers().values()):
            raise LaffError("a stage says on: gpu, but no worker offers one: start workers with --resources GPU=1")
        self._count += 1
        task = (function, job, self._count, self._topic, about(), self.seen)
        return self._client.submit(
            _do,
            *task,
            key=f"{function.__name__}-{self._topic}-{self._count}",
            pure=False,
            resources={"GPU": 1} if gpu else None,
        )

    def _workers(self) -> Mapping[str, Any]:
        workers: Mapping[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return workers

    def _advance(self, number: int, count: int) -> None:
        """A task has done `count` items; fewer than it told before when it starts anew elsewhere."""
        with self._telling:  # dask tells in a thread of its own
            if number not in self._finished:  # what is told may be slower than the result
                progress.advance(count - self._done.get(number, 0))
                self._done[number] = count

    def close(self) -> None:
        """Let the workers end their decoder processes; end those that were started here."""
        client = self.__dict__.pop("_client", None)
        if client is not None:
            if self.remote and client.status == "running":
                client.run(_leave, on_error="ignore")
            client.close()
        if self._local is not None:
            self._local.close()


def _local(workers: int) -> Any:
    """Worker processes on this machine; each sees one of its GPUs."""
    import dask
    import torch
    from distributed import LocalCluster

    gpus = torch.cuda.device_count()
    share = max(1, len(os.sched_getaffinity(0)) // workers)  # of the cores
    decoders = {"LAFF_DECODERS": os.environ.get("LAFF_DECODERS") or str(share)}

    class Local(LocalCluster):
        """A LocalCluster whose workers take the GPUs in turns."""

        def new_worker_spec(self) -> dict[Any, dict[str, Any]]:
            spec: dict[Any, dict[str, Any]] = super().new_worker_spec()
            for number, (_, worker) in enumerate(spec.items(), len(self.worker_spec)):
                worker["options"]["env"] = decoders | (
                    {"CUDA_VISIBLE_DEVICES": _visible(number % gpus)} if gpus else {}
                )
            return spec

    dask.config.set({"distributed.scheduler.allowed-failures": LOSSES - 1})
    # What the C library reads when a process starts; a worker's own environment comes too late for that.
    before = dask.config.get("distributed.nanny.pre-spawn-environ", {})
    dask.config.set({"distributed.nanny.pre-spawn-environ": {**before, **malloc.variables()}})
    local: Any = Local(
        n_workers=0,
        threads_per_worker=1,
        resources={"GPU": 1} if gpus else {},
        memory_limit=0,  # the queue bounds it; dask would stop a worker by its guess
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
        host="127.0.0.1",
    )
    # Ctrl-C is for this process alone: those that the loop's thread starts from here on inherit that it is blocked.
    resource_tracker.ensure_running()  # its start would lift the block
    local.loop.add_callback(signal.pthread_sigmask, signal.SIG_BLOCK, {signal.SIGINT})
    local.scale(workers)
    return local


def _visible(number: int) -> str:
    """The n-th GPU among those that this process may use."""
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[number] if named else str(number)


@cache
def about() -> dict[str, str]:
    """What shapes the results of this process: its code as it was when first asked, Python, libraries."""
    found = {"python": ".".join(map(str, sys.version_info[:2]))}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    sources = sorted(path for room in ("pipeline", "extractors", "fusion") for path in (code.ROOT / room).rglob("*.py"))
    found["laff"] = files.digest([[str(path.relative_to(code.ROOT)), files.sha256(path)] for path in sources])[:12]
    return found


def _do(
    function: Callable[[Any], Any], job: Any, number: int, topic: str, wanted: dict[str, str], seen: list[str]
) -> tuple[int, Any, int]:
    """One task, on a worker -> (its number, what the function gives, items done)."""
    from distributed import get_worker

    worker = get_worker()
    mine = about()
    wrong = [f"{name} {mine.get(name)} (here {is_})" for name, is_ in wanted.items() if mine.get(name) != is_]
    where = f"worker {worker.address} on {socket.gethostname()}"
    if wrong:
        raise LaffError(f"{where} is not like the run: {', '.join(wrong)}; install the same and start it anew")
    if lost := [path for path in seen if not Path(path).exists()]:
        raise LaffError(f"{where} does not see {lost[0]}; workers and this run need the same folders at the same paths")
    done, told = 0, time.monotonic()

    def tell(count: int) -> None:
        nonlocal done, told
        done += count
        if time.monotonic() - told > 0.5:
            worker.log_event(topic, (number, done))
            told = time.monotonic()

    with _alone, progress.told_to(tell):
        return number, function(job), done


def _leave() -> None:
    from pipeline.extraction import sweep

    sweep.close()


def _words(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
