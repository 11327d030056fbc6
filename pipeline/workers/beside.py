"""Jobs side by side, each in a process of its own: trainings of small models, which are quickest with a thread each.

Where that is safe the process is forked: it starts in milliseconds, and what this process has read is there without
being read or kept twice. It is safe on Linux for jobs of one thread: torch's pool of threads, which a fork does not
take along, is then never asked for (torch's own DataLoader relies on the same), and a child uses nothing that another
thread of this process may have locked, least of all the display. Elsewhere each process is a fresh interpreter.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from pipeline import progress
from pipeline.devices import resources
from pipeline.errors import LaffError
from pipeline.progress import Bar
from pipeline.workers import malloc, pipes, reporting, serving
from pipeline.workers.worker import Worker

Job = TypeVar("Job")
Result = TypeVar("Result")

EACH = 1 << 30  # bytes of memory that should be free for each process
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)  # what ends a command; the alarm brings one that had to wait
NUMBER = "LAFF_TRAININGS"  # says how many trainings run side by side, in place of cores and memory


def number(jobs: int, threads: int) -> int:
    """How many of these jobs, of so many threads each, should run side by side here; at least 1."""
    given = os.environ.get(NUMBER, "")
    if given and not (given.isdecimal() and int(given)):
        raise LaffError(f"{NUMBER} is {given!r}; it should be a number of processes, at least 1")
    most = int(given) if given else min(resources.cores() // threads, resources.free_memory() // EACH)
    return max(1, min(jobs, most))


class _There(Exception):
    """Where in its process an exception was raised, as the cause of the one that is raised here."""


@dataclass
class _Process:
    """One that does a job."""

    job: Any
    pid: int
    pipe: int  # from which its messages are read
    popen: subprocess.Popen[bytes] | None = None  # where it is a fresh interpreter
    alone: bool = True  # whether no other process ran at any time of it
    done: int = 0  # items that it has told of

    def end(self) -> str:
        """Kill it, if it still runs -> how it ended, in words."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.close(self.pipe)
        code = self.popen.wait() if self.popen else os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return serving.ending(code)


class Beside:
    """Does up to `most` jobs at a time; results come in the order in which they are finished.

    Where processes are forked, a job's method `prepare(worker)` is called in this process before: what it keeps in
    `worker` is there in the job's process too. A process that is killed, as by a system that has no memory left, costs
    no other job: its own is begun anew with one fewer at a time. If it was alone, the result is `job.lost(how)`.
    """

    remote = False
    shows = False

    def __init__(self, most: int, worker: Worker, forks: bool, leave: Callable[[], None]) -> None:
        """worker: of this process; forks: whether jobs may be forked; leave(): called first in a forked process."""
        self.most, self.worker, self.leave = most, worker, leave
        self.forks = forks and sys.platform == "linux"
        self._running: dict[int, _Process] = {}  # by pipe

    def each(
        self, function: Callable[[Job, Worker], Result], jobs: Iterable[Job], bar: Bar | None = None
    ) -> Iterator[Result]:
        """The results of function(job, worker) for each job; the jobs move `bar`. Raises what a job raised."""
        waiting, said = iter(jobs), set[str]()
        try:
            while True:
                while len(self._running) < self.most and (begun := next(waiting, None)) is not None:
                    if not self._has_begun(function, begun):
                        waiting = chain([begun], waiting)
                if not self._running:
                    return
                for process in self._ready():
                    told = reporting.told(process.pipe)
                    match told:
                        case ("advance", int(count)):
                            process.done += count
                            if bar is not None:
                                bar.advance(count)
                        case ("said", (str(text), bool(quiet))):
                            if text not in said:  # what holds for all of them is said once
                                said.add(text)
                                progress.write(text, quiet)
                        case ("done", result):
                            self._end(process)
                            yield result
                        case ("raised", (BaseException() as error, str(where))):
                            self._end(process)
                            raise error from (None if isinstance(error, LaffError) else _There(where))
                        case _:
                            how = self._end(process)
                            if bar is not None:
                                bar.advance(-process.done)
                            if process.alone:
                                yield process.job.lost(how)
                            else:
                                waiting = chain([self._again(process, how)], waiting)
        finally:
            for process in list(self._running.values()):
                self._end(process)

    def beside(self, most: int, forks: bool, leave: Callable[[], None]) -> Beside:
        """What does other jobs side by side."""
        return Beside(most, self.worker, forks, leave)

    def forget(self, kind: type) -> None:
        """Forget the object of a class that this process keeps for further jobs."""
        self.worker.forget(kind)

    def close(self) -> None:
        """Forget everything that this process keeps for further jobs."""
        self.worker.close()

    def _has_begun(self, function: Callable[[Job, Worker], Any], job: Any) -> bool:
        """Start the process of a job -> whether the system gave one; where not, fewer run at a time from here on.

        LaffError where it refuses even the only one.
        """
        if self.forks and hasattr(job, "prepare"):
            job.prepare(self.worker)
        try:
            self._begin(function, job)
        except OSError as error:
            if not self._running:
                why = f"{job.title}: the system starts no process for it ({error.strerror or error})"
                raise LaffError(f"{why}; {NUMBER}=1 trains in this one") from None
            self.most = len(self._running)
            progress.say(f"the system starts no further process ({error.strerror or error}); {self.most} at a time")
            return False
        if len(self._running) > 1:
            for one in self._running.values():
                one.alone = False
        return True

    def _begin(self, function: Callable[[Job, Worker], Any], job: Job) -> None:
        """Start a process and note it."""
        if not self.forks:
            process = _fresh(function, job)
            self._running[process.pipe] = process
            return
        # A signal that came to a child before it is one would go through all that its parent has begun; one that came
        # to the parent before it has noted the child would leave that behind.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
            self._fork(function, job, held)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)

    def _fork(self, function: Callable[[Job, Worker], Any], job: Job, signals: set[int | signal.Signals]) -> None:
        """Fork a process and note it. signals: those that it blocks once it follows this one."""
        parent, (source, target) = os.getpid(), os.pipe()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of Python, that this process has other threads
                pid = os.fork()
        except OSError:
            os.close(source)
            os.close(target)
            raise
        if pid:
            os.close(target)
            self._running[source] = _Process(job, pid, source)
            return
        try:
            serving.follow(parent)
            signal.pthread_sigmask(signal.SIG_SETMASK, signals)
            for pipe in (source, *self._running):  # or the ends of others would stay open
                os.close(pipe)
            self.leave()
            reporting.do(target, function, job, self.worker)
        finally:
            os._exit(1)  # what the parent has begun is not for this process to end

    def _ready(self) -> list[_Process]:
        """The processes that have told something, or have ended; waits for one."""
        poll = select.poll()
        for pipe in self._running:
            poll.register(pipe, select.POLLIN)
        return [self._running[pipe] for pipe, _ in poll.poll()]

    def _again(self, process: _Process, how: str) -> Any:
        """The job of a process that is gone, to be begun anew with more room."""
        self.most = max(1, self.most - 1)
        why = f"its process ended ({how})"
        progress.say(f"{process.job.title}: {why}; it is begun anew, and {self.most} at a time from here on")
        return process.job

    def _end(self, process: _Process) -> str:
        return self._running.pop(process.pipe).end()


def _fresh(function: Callable[[Job, Worker], Any], job: Job) -> _Process:
    """The process of a job as a fresh interpreter."""
    imports = [str(Path(entry).absolute()) for entry in sys.path]  # what this process can import, that one can
    popen = subprocess.Popen(
        [sys.executable, "-P", "-c", reporting.PROGRAM, str(os.getpid()), *imports],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**malloc.variables(), **os.environ},
        bufsize=0,
    )
    assert popen.stdin is not None
    assert popen.stdout is not None
    pipe = os.dup(popen.stdout.fileno())
    popen.stdout.close()
    with popen.stdin, suppress(OSError):  # it may be gone already, which its other pipe tells
        pipes.send(popen.stdin.fileno(), pickle.dumps((function, job), protocol=5), [])
    return _Process(job, popen.pid, pipe, popen)
