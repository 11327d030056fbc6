"""The program that forked.py starts: `python tests/forking.py ROOT [heavy]` imports the project at ROOT, and packages.

It forks a child for each line of JSON that it reads, and tells when one starts and when one has ended.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

HEAVY = ("open_clip", "torchvision", "timm", "transformers", "gensim", "scipy.sparse", "scipy.stats", "distributed")


def tell(**fact: int) -> None:
    os.write(1, json.dumps(fact).encode() + b"\n")


def no_flush(handle: int) -> None:
    """In the place of os.fsync: a run flushes some 60 files, milliseconds each, and no test cuts the power."""


JOBS: dict[int, int] = {}  # pid of a child that runs -> number of its job


def reap(*_: Any) -> None:
    """Tell of every job whose process has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if job := JOBS.pop(pid, 0):  # others are what an import starts
            tell(ended=job, status=os.waitstatus_to_exitcode(status))


def warm(root: Path, packages: tuple[str, ...]) -> None:
    """Import our code and these packages, and read the code that fingerprints ask for."""
    sys.path[0] = str(root)
    sys.path.append(str(root / "tests"))
    cli = importlib.import_module("cli")
    assert Path(cli.__file__ or "").parent == root, f"{cli.__file__} instead of the project at {root}"
    code = importlib.import_module("pipeline.parts.code")
    for name in packages:
        importlib.import_module(name)
    for room in code.ROOMS:
        for module in code.closure([room]):
            importlib.import_module(module)
            code.code_digest(code.source_file(module))


def serve() -> Callable[[], Any]:
    """Fork a child for each line of standard input; returns, in a child, what it should do."""
    tell(ready=1)
    for line in iter(sys.stdin.buffer.readline, b""):
        assert len(list(Path("/proc/self/task").iterdir())) == 1, "a process with threads must not fork"
        job = json.loads(line)
        number = job.pop("number")
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # until it is known whose end would be told
        child = os.fork()
        if child:
            JOBS[child] = number
            tell(started=child)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        if not child:
            return become(**job)
    return lambda: None


def become(
    call: str,
    values: list[Any],
    words: list[str],
    cwd: str,
    environment: dict[str, str],
    streams: list[str],
    alone: bool,
) -> Callable[[], Any]:
    """Be the process of a job -> what it does."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing, out, err = os.open(os.devnull, os.O_RDONLY), *(os.open(path, os.O_WRONLY | os.O_CREAT) for path in streams)
    for number, handle in enumerate((nothing, out, err)):
        os.dup2(handle, number)
        os.close(handle)
    if alone:
        os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = words
    module, _, name = call.partition(":")
    function = getattr(importlib.import_module(module), name)
    return lambda: function(*values)


def leave(function: Callable[[], Any]) -> None:
    """Call it and end as an interpreter does, but for its freeing of every object: that copies pages of memory."""
    status = 0
    try:
        function()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, reap)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()  # imports leave nothing to collect
    warm(Path(sys.argv[1]), HEAVY if "heavy" in sys.argv[2:] else ())
    os.fsync = no_flush
    gc.collect()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
    gc.freeze()  # nothing of it is looked at again by a child's collector, which would copy it
    leave(serve())
