"""A process that does one job and tells of it through a pipe: messages are pairs of a word and a value.

("advance", items), ("said", (line, whether for the log alone)), and last ("done", result) or ("raised", (exception,
traceback as text)).
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any

from pipeline import progress
from pipeline.errors import LaffError
from pipeline.workers import pipes, serving
from pipeline.workers.worker import Worker

PROGRAM = "import sys; sys.path[:] = sys.argv[2:]; from pipeline.workers.reporting import be; be(int(sys.argv[1]))"


def told(pipe: int) -> Any:
    """The next message of a process; None where it is gone."""
    try:
        return pickle.loads(pipes.receive(pipe, None)[0])
    except (EOFError, OSError):
        return None


def be(parent: int) -> None:
    """Do the job of standard input, in a fresh interpreter."""
    serving.follow(parent)
    source, target = serving.streams()
    function, job = pickle.loads(pipes.receive(source, None)[0])
    do(target, function, job, Worker())


def do(target: int, function: Callable[[Any, Worker], Any], job: Any, worker: Worker) -> None:
    """Do a job and tell of it through a pipe; then this process ends."""
    one_at_a_time = Lock()  # any thread of the job may report

    def tell(message: str, value: Any) -> None:
        with one_at_a_time:
            pipes.send(target, pickle.dumps((message, value), protocol=5), [])

    sys.stdout = sys.stderr = _standard_error()
    progress.SCREEN.leave_to(lambda text, quiet: tell("said", (text, quiet)))
    worker.shows = False
    try:
        tell("done", worker.do(function, job, lambda count: tell("advance", count)))
    except BaseException as error:
        with suppress(OSError):  # nobody reads it any more
            tell("raised", (_portable(error), "".join(traceback.format_exception(error)).rstrip()))
    os._exit(0)


def _standard_error() -> Any:
    """Standard error, with no lock that another thread may have held at the fork."""
    return open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)


def _portable(error: BaseException) -> BaseException:
    """An exception that another process can have: itself, or one with its words."""
    with suppress(Exception):
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    if isinstance(error, LaffError):
        return LaffError(str(error), error.problems)
    return RuntimeError(f"{type(error).__name__}: {error}")
