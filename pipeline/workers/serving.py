"""The program of a process that can be killed: it takes jobs and gives results until the parent is gone.

Every such process imports it, so it imports only the standard library and modules that do the same.
"""

import ctypes
import io
import os
import pickle
import signal
import sys
import threading
import time
from dataclasses import dataclass

from pipeline.errors import absent
from pipeline.workers import pipes

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
LOOK = 0.5  # seconds between two looks whether the parent is there
MISSING = "missing package"  # for lack of which no job of this kind can be done
BROKEN = "missing module"  # of a package that is installed, or of laff


@dataclass(frozen=True)
class Lost:
    """The reason why a job has no result."""

    reason: str  # for a person: "took longer than 60 s"
    exception: str  # "Timeout", "Memory", "Crash", or the type of the exception that the function raised


def follow(parent: int) -> None:
    """Let this process end with its parent, however that ends, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before that call
            os._exit(1)
    else:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def ending(code: int) -> str:
    """How a process ended, in words. code: its exit status, negative for a signal."""
    if code >= 0:
        return f"exit status {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else "unknown"
    return f"signal {-code}: {name}" + (", perhaps out of memory" if -code == signal.SIGKILL else "")


def streams() -> tuple[int, int]:
    """The pipes that a fresh interpreter has as standard input and output, which are closed to all that prints."""
    source, target = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what a decoder prints goes to standard error, at once: a killed process flushes nothing
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    return source, target


def serve(parent: int) -> None:
    """Answer the jobs of standard input on standard output, until the input ends."""
    follow(parent)
    os.nice(5)  # the process that waits for the answers comes first: its forwards need these cores too
    source, target = streams()
    pipes.widen(target)
    pipes.send(target, pickle.dumps(None), [])
    while True:
        try:
            head, _ = pipes.receive(source, None)
        except EOFError:
            return
        pipes.send(target, *_answer(head))  # kept in no variable: frames are large, and the next job may come late


def _follow(parent: int) -> None:
    """End this process soon after its parent, where no system call sees to it."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)


def _answer(head: bytearray) -> tuple[bytes, list[memoryview]]:
    """Do one job -> its result or a Lost, pickled."""
    try:
        function, job = pickle.loads(head)
        return pipes.pickled(function(job))
    except MemoryError:  # those of NumPy and PyAV are subclasses
        return pipes.pickled(Lost("needed more memory than the system gave", "Memory"))
    except ModuleNotFoundError as error:
        return pipes.pickled(Lost(error.name or "", MISSING) if absent(error) else Lost(str(error), BROKEN))
    except BaseException as error:
        return pipes.pickled(Lost(str(error) or type(error).__name__, type(error).__name__))
