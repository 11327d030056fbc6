"""Work done in processes that can be killed: a decoder that hangs or crashes costs one video, never the run.

Workers are fresh interpreters, neither forked (locks that other threads hold would stay locked) nor started by
multiprocessing, which would import the program that runs again and refuses to work below dask's own worker processes.
They import only what a job needs, ignore Ctrl-C (the parent decides), and die with the parent, even where that is
killed.

Their memory is watched from outside and not bounded by RLIMIT_DATA or RLIMIT_AS. Beyond such a bound an allocation
fails inside the decoder; FFmpeg takes that for damaged data and leaves the frame out: wrong frames and no error. The
kernel keeps the peak of a process's memory, so that no peak between two looks is missed. Elsewhere than on Linux `ps`
is asked for what a process holds now, once a second.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import LaffError, Missing
from pipeline.workers import pipes
from pipeline.workers.serving import BROKEN, MISSING, Lost, ending

__all__ = ["Killable", "Limits", "Lost"]

Job = TypeVar("Job")
Result = TypeVar("Result")

START = 120.0  # seconds for a fresh interpreter to answer; far more than any needs
GLANCE = 0.05  # seconds between two looks at a worker's memory; it can fill some 100 MB in that time
PROCESSES = Path("/proc")  # of Linux
ASKED = 1.0  # seconds between two questions to ps, which takes some milliseconds
SERVE = "import sys; sys.path[:] = sys.argv[2:]; from pipeline.workers.serving import serve; serve(int(sys.argv[1]))"


Limits = tuple[float, float]  # seconds and GiB that a job may take


class Killable:
    """A few worker processes for functions that may hang or crash.

        with Killable(workers=2, timeout=60) as workers:
            for probe in workers.imap(probe, paths, ahead=4): ...

    `timeout` is the seconds that a job may take once a worker has it; `memory` is the GiB that a worker may hold in
    all; both may be changed between calls of imap. Functions are pickled by their name and must be importable in
    the worker; jobs and results are pickled, arrays without a copy.
    """

    def __init__(self, workers: int, timeout: float, memory: float = 4.0) -> None:
        if workers < 1 or timeout <= 0 or memory <= 0:
            raise ValueError(f"{workers} workers, a timeout of {timeout} s, {memory} GiB; all should be positive")
        self.timeout = timeout
        self.memory = memory
        self._tasks: queue.SimpleQueue[tuple[Future[Any], bytes, Limits] | None] = queue.SimpleQueue()
        self._workers: list[_Worker | None] = [None] * workers
        self._open = False
        # Linux ends a child when the thread that started it ends: each worker has a thread as long-lived as this.
        self._threads = [threading.Thread(target=self._drive, args=(slot,), daemon=True) for slot in range(workers)]

    def __enter__(self) -> Killable:
        self._open = True
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        """Kill what still runs; no process is left."""
        self._open = False
        for _ in self._threads:
            self._tasks.put(None)
        for worker in list(self._workers):
            if worker is not None:
                worker.process.kill()  # its thread sees the end of the pipe
        for thread in self._threads:
            thread.join()

    def imap(
        self,
        function: Callable[[Job], Result],
        jobs: Iterable[Job],
        ahead: int = 0,
        longer: Callable[[Job], float] | None = None,
    ) -> Iterator[Result | Lost]:
        """The results of function(job) for each job, in the order of jobs; a Lost in the place of each that failed.

        `longer` says how many times `timeout` a job may take.

        At most `ahead` jobs (at least one a worker) are taken from `jobs` before the caller has the first result, which
        bounds the memory. The workers begin at once and go on while the caller is busy with a result.
        """
        if not self._open:
            raise RuntimeError("Killable has workers only inside its `with` block")
        waiting, timeout, memory = iter(jobs), self.timeout, self.memory

        def submit(job: Job) -> Future[Any]:
            future: Future[Any] = Future()
            limits = (timeout * longer(job) if longer else timeout, memory)
            self._tasks.put((future, pickle.dumps((function, job), protocol=5), limits))
            return future

        pending = deque([submit(job) for job in islice(waiting, max(ahead, len(self._threads)))])
        return self._results(submit, waiting, pending)

    def _results(
        self, submit: Callable[[Job], Future[Any]], waiting: Iterator[Job], pending: deque[Future[Any]]
    ) -> Iterator[Any]:
        """Results in the order of jobs; each that is taken lets another job be submitted."""
        try:
            while pending:
                yield pending.popleft().result()
                pending.extend(submit(job) for job in islice(waiting, 1))
        finally:
            for future in pending:
                future.cancel()

    def _drive(self, slot: int) -> None:
        """Give jobs to one worker, one after the other; a lost worker is replaced."""
        while (task := self._tasks.get()) is not None:
            future, job, limits = task
            if not self._open:
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._attempt(slot, job, limits))
            except BaseException as error:  # to the caller of imap: a set-up that cannot work
                future.set_exception(error)
        worker = self._workers[slot]
        if worker is not None:
            worker.end()

    def _attempt(self, slot: int, job: bytes, limits: Limits) -> Any:
        """The result of a job, or a Lost; starts the worker of a slot where there is none."""
        timeout, memory = limits
        worker = self._workers[slot]
        if worker is None or worker.process.poll() is not None:
            worker = self._workers[slot] = _Worker()
            if not self._open:  # __exit__ looked before this one was there
                worker.process.kill()
            worker.start()
        try:
            answer = worker.ask(job, timeout, memory)
            if isinstance(answer, Lost) and answer.exception == MISSING:
                raise Missing(answer.reason, "a decoder process")
            if isinstance(answer, Lost) and answer.exception == BROKEN:
                raise ModuleNotFoundError(f"{answer.reason}, in a decoder process")
            if not isinstance(answer, Lost) or answer.exception != "Memory":
                return answer
        except TimeoutError:
            answer = Lost(f"took longer than {timeout:g} s", "Timeout")
        except MemoryError:
            answer = Lost(f"needed more memory than {memory:g} GiB", "Memory")
        except (EOFError, OSError):
            answer = Lost(f"the decoder process died ({worker.end()})", "Crash")
        worker.end()
        self._workers[slot] = None
        if not self._open:  # it was killed by __exit__: that is no fault of the job's
            raise LaffError("the decoder processes were ended while they worked")
        if answer.exception == "Memory" and worker.jobs > 1:  # earlier jobs may have left something behind
            return self._attempt(slot, job, limits)
        return answer


class _Worker:
    """One process and the pipes to and from it."""

    def __init__(self) -> None:
        imports = [str(Path(entry).absolute()) for entry in sys.path]  # what the parent can import, the worker can
        command = [sys.executable, "-P", "-c", SERVE, str(os.getpid()), *imports]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._to, self._from = self.process.stdin.fileno(), self.process.stdout.fileno()
        self.jobs = 0  # that it has been given
        self._held, self._asked = 0.0, 0.0  # GiB that ps told last, and when

    def start(self) -> None:
        """Wait until the worker answers; LaffError where it cannot start."""
        try:
            pipes.receive(self._from, START)
        except (EOFError, OSError) as error:
            raise LaffError(f"a decoder process did not start ({self.end()}): {sys.executable}") from error

    def ask(self, job: bytes, timeout: float, memory: float) -> Any:
        """The answer to a job.

        Raises TimeoutError, MemoryError where the worker held more than `memory` GiB, and EOFError or OSError where it
        is gone.
        """
        self.jobs += 1
        deadline = time.monotonic() + timeout
        pipes.send(self._to, job, [])
        while not pipes.ready(self._from, max(min(GLANCE, deadline - time.monotonic()), 0)):
            if self.peak() > memory:
                raise MemoryError
            if time.monotonic() >= deadline:
                raise TimeoutError
        head, buffers = pipes.receive(self._from, timeout)
        if self.peak() > memory:
            raise MemoryError
        return pickle.loads(head, buffers=buffers)

    def peak(self) -> float:
        """The most GiB that the worker has held since it began, as far as somebody knows; else 0."""
        with suppress(OSError, IndexError):  # a process that ends has no memory any more
            status = (PROCESSES / str(self.process.pid) / "status").read_text()
            return int(status.split("VmHWM:")[1].split()[0]) / (1 << 20)
        if not PROCESSES.is_dir() and time.monotonic() > self._asked + ASKED:
            self._asked = time.monotonic()
            command = ["ps", "-o", "rss=", "-p", str(self.process.pid)]
            with suppress(OSError, ValueError):  # without ps, or of a process that has ended
                told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
                self._held = max(self._held, int(told) / (1 << 20))
        return self._held

    def end(self) -> str:
        """Kill the worker -> how it ended, in words."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)  # a crash may be over its pipe a little sooner than over its process
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):  # a process stuck in a dead disk cannot be waited for
            self.process.wait(5)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        code = self.process.returncode
        return "it cannot be killed" if code is None else ending(code)
