"""`laff` as a process, forked from one that has imported everything: it starts in milliseconds, not in seconds.

A program of its own, `python tests/forked.py ROOT`, imports the project at ROOT and what that may need, and forks a
child for each line that it reads. A child differs from `python cli.py …` in nothing but what is imported already;
that a fresh interpreter comes as far is for test_cli.py and test_packaging.py.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0  # seconds until what should come has come
HEAVY = ("open_clip", "torchvision", "timm", "transformers", "gensim", "scipy.sparse", "scipy.stats", "distributed")


class Forked:
    """The program that forks, for a project at `root`; starts it when first asked."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        """folder: where what the processes print is written."""
        self.folder, self.root = folder, root
        self._program: subprocess.Popen[bytes] | None = None
        self._jobs = 0
        self._rest = b""
        self._ended: dict[int, int] = {}

    def laff(self, *words: object, **options: Any) -> Process:
        """The command with these words; the options are those of `start`."""
        return self.start("cli:main", [], [str(word) for word in words], **options)

    def start(
        self,
        call: str,
        values: Sequence[Any] = (),
        words: Sequence[str] = (),
        *,
        cwd: Path | None = None,
        environment: dict[str, str] | None = None,
        alone: bool = False,
    ) -> Process:
        """module:function(*values) in a process whose command line has these words; values as JSON has them.

        alone: in a session of its own, whose processes can be sent a signal together.
        """
        self._jobs += 1
        said = self.folder / f"{self._jobs}.out", self.folder / f"{self._jobs}.err"
        for path in said:
            path.touch()
        job = {
            "call": call,
            "values": values,
            "words": words,
            "cwd": str(cwd or self.root),
            "environment": dict(os.environ) if environment is None else environment,
            "said": [str(path) for path in said],
            "alone": alone,
        }
        program = self.program()
        assert program.stdin is not None
        program.stdin.write(json.dumps(job).encode() + b"\n")
        program.stdin.flush()
        return Process(self, self._told(lambda fact: fact.get("started"), PATIENCE), *said)

    def program(self) -> subprocess.Popen[bytes]:
        """The program, started and ready."""
        if self._program is None:
            command = [sys.executable, __file__, str(self.root)]
            self._program = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self.root, env=dict(os.environ)
            )
            self._told(lambda fact: fact.get("ready"), PATIENCE)
        return self._program

    def ended(self, pid: int, patience: float) -> int | None:
        """The exit status of a child, as subprocess has it; None where it still runs after these seconds."""
        if pid not in self._ended:
            self._told(lambda fact: self._ended.get(pid) is not None, patience)
        return self._ended.get(pid)

    def close(self) -> None:
        if self._program is not None:
            self._program.communicate()

    def _told(self, wanted: Callable[[dict[str, int]], Any], patience: float) -> Any:
        """Read what the program tells until it is what is wanted; None when the time is over."""
        assert self._program is not None
        assert self._program.stdout is not None
        end = time.monotonic() + patience
        while True:
            while b"\n" not in self._rest:
                if not select.select([self._program.stdout], [], [], max(end - time.monotonic(), 0))[0]:
                    return None
                read = os.read(self._program.stdout.fileno(), 1 << 16)
                if not read:
                    raise RuntimeError(f"the program that forks has ended: {self._program.wait()}")
                self._rest += read
            line, _, self._rest = self._rest.partition(b"\n")
            fact = json.loads(line)
            if "ended" in fact:
                self._ended[fact["ended"]] = fact["status"]
            if found := wanted(fact):
                return found


class Process:
    """One forked process; as much of subprocess.Popen as tests ask for."""

    def __init__(self, source: Forked, pid: int, out: Path, err: Path) -> None:
        self.pid = pid
        self._source, self._out, self._err = source, out, err

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._source.ended(self.pid, 0)

    def wait(self, patience: float = PATIENCE) -> int:
        """Its exit status, when it has one."""
        status = self._source.ended(self.pid, patience)
        if status is None:
            self.send_signal(signal.SIGKILL)
            raise TimeoutError(f"it still runs after {patience:g} s:\n{self.said()}")
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def out(self) -> str:
        """What it has printed so far."""
        return self._out.read_text(encoding="utf-8")

    def err(self) -> str:
        """What it has told beside that: messages, progress, errors."""
        return self._err.read_text(encoding="utf-8")

    def said(self) -> str:
        """All that it has printed, messages first."""
        return self.err() + self.out()


# The program


def tell(**fact: int) -> None:
    os.write(1, json.dumps(fact).encode() + b"\n")


def reap(*_: Any) -> None:
    """Tell of every child that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        tell(ended=pid, status=os.waitstatus_to_exitcode(status))


def warm(root: Path) -> None:
    """Import all that a run may need, and read the code that fingerprints ask for."""
    sys.path[0] = str(root)
    sys.path.append(str(root / "tests"))
    cli = importlib.import_module("cli")
    assert Path(cli.__file__ or "").parent == root, f"{cli.__file__} instead of the project at {root}"
    code = importlib.import_module("pipeline.parts.code")
    for name in HEAVY:
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
        child = os.fork()
        if not child:
            return become(**json.loads(line))
        tell(started=child)
    return lambda: None


def become(
    call: str, values: list[Any], words: list[str], cwd: str, environment: dict[str, str], said: list[str], alone: bool
) -> Callable[[], Any]:
    """Be a process of its own -> what it does."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing, out, err = os.open(os.devnull, os.O_RDONLY), *(os.open(path, os.O_WRONLY | os.O_CREAT) for path in said)
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
    warm(Path(sys.argv[1]))
    gc.freeze()  # nothing of it is looked at again by a child's collector, which would copy it
    leave(serve())
