"""The other end of a process that can be killed: jobs in, results out, until the parent is gone.

Imported by every such process: it imports nothing but the standard library, and what does likewise.
"""

import ctypes
import io
import os
import pickle
import signal
import sys
from dataclasses import dataclass

from pipeline.errors import absent
from pipeline.workers import pipes

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
MISSING = "missing package"  # why no job of this kind can be done, whatever it works on
BROKEN = "missing module"  # of a package that is there, or of our own


@dataclass(frozen=True)
class Lost:
    """Why a job has no result."""

    reason: str  # for a person: "took longer than 60 s"
    exception: str  # "Timeout", "Memory", "Crash", or the type of the exception that the function raised


def serve(parent: int) -> None:
    """The life of a worker: jobs in by standard input, answers out by standard output, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)  # who waits for our answers comes first: else a forward on the same cores gets only its share of them
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked to be told
            return
    source, target = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what a decoder prints belongs among the messages, at once: a killed process flushes nothing
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    pipes.widen(target)
    pipes.send(target, pickle.dumps(None), [])
    while True:
        try:
            head, _ = pipes.receive(source, None)
        except EOFError:
            return
        pipes.send(target, *_answer(head))  # keeps nothing: frames are large, the next job may be long in coming


def _answer(head: bytearray) -> tuple[bytes, list[memoryview]]:
    """Do one job -> its result or a Lost, pickled."""
    try:
        function, job = pickle.loads(head)
        return pipes.pickled(function(job))
    except MemoryError:  # NumPy's and PyAV's are kinds of it
        return pipes.pickled(Lost("needed more memory than the system gave", "Memory"))
    except ModuleNotFoundError as error:
        return pipes.pickled(Lost(error.name or "", MISSING) if absent(error) else Lost(str(error), BROKEN))
    except BaseException as error:
        return pipes.pickled(Lost(str(error) or type(error).__name__, type(error).__name__))
