"""`laff` as a process, forked from one that has imported everything: it starts in milliseconds, not in seconds.

The program that forks is forking.py. A child differs from `python cli.py …` in nothing but what is imported already;
that a fresh interpreter comes as far is for test_cli.py and test_packaging.py.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(__file__).resolve().parent / "forking.py"
PATIENCE = 120.0  # seconds until what should come has come


class Forked:
    """The program that forks, for a project at `root`; starts it when first asked."""

    def __init__(self, folder: Path, root: Path = ROOT, heavy: bool = True) -> None:
        """folder: where what the processes print is written.

        heavy: whether packages that models come from are imported before; not worth it for a few jobs without them.
        """
        self.folder, self.root, self.heavy = folder, root, heavy
        self._program: subprocess.Popen[bytes] | None = None
        self._jobs = 0
        self._rest = b""
        self._ended: dict[int, int] = {}  # exit statuses by the number of the job: pids come again

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
        streams = self.folder / f"{self._jobs}.out", self.folder / f"{self._jobs}.err"
        for path in streams:
            path.touch()
        job = {
            "number": self._jobs,
            "call": call,
            "values": values,
            "words": words,
            "cwd": str(cwd or self.root),
            "environment": dict(os.environ) if environment is None else environment,
            "streams": [str(path) for path in streams],
            "alone": alone,
        }
        program = self.program()
        assert program.stdin is not None
        program.stdin.write(json.dumps(job).encode() + b"\n")
        program.stdin.flush()
        return Process(self, self._jobs, self._told(lambda fact: fact.get("started"), PATIENCE), *streams)

    def program(self) -> subprocess.Popen[bytes]:
        """The program, started and ready."""
        if self._program is None:
            command = [sys.executable, str(PROGRAM), str(self.root), *(["heavy"] if self.heavy else [])]
            self._program = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self.root, env=dict(os.environ)
            )
            self._told(lambda fact: fact.get("ready"), PATIENCE)
        return self._program

    def ended(self, job: int, patience: float) -> int | None:
        """The exit status of a job's process, as subprocess has it; None where it still runs after these seconds."""
        if job not in self._ended:
            self._told(lambda fact: self._ended.get(job) is not None, patience)
        return self._ended.get(job)

    def close(self) -> None:
        if self._program is not None:
            self._program.communicate()

    def _told(self, question: Callable[[dict[str, int]], Any], patience: float) -> Any:
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
            if answer := question(fact):
                return answer


class Process:
    """One forked process; as much of subprocess.Popen as tests ask for."""

    def __init__(self, source: Forked, job: int, pid: int, out: Path, err: Path) -> None:
        self.job, self.pid = job, pid
        self._source, self._out, self._err = source, out, err

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._source.ended(self.job, 0)

    def wait(self, patience: float = PATIENCE) -> int:
        """Its exit status, when it has one."""
        status = self._source.ended(self.job, patience)
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
