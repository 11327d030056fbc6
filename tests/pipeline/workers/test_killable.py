"""Hanging, crashing and failing jobs cost themselves only; nothing waits for ever, no process is left."""

from __future__ import annotations

import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.video.reading import probe
from pipeline.workers import killable
from pipeline.workers.killable import Killable, Lost

ROOT = Path(__file__).resolve().parents[3]


def gone(process: int, seconds: float = 10.0) -> bool:
    """Whether a process ends, or is a zombie nobody has collected, within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_results_come_in_the_order_of_jobs():
    with Killable(workers=2, timeout=30) as workers:
        assert list(workers.imap(time.sleep, [0.3, 0.0, 0.0])) == [None] * 3
        assert list(workers.imap(str, range(50), ahead=7)) == [str(i) for i in range(50)]


def test_a_hanging_job_is_killed_and_the_others_go_on():
    with Killable(workers=2, timeout=1.5) as workers:
        began = time.monotonic()
        first, second, third, fourth = workers.imap(time.sleep, [0.0, 600.0, 0.0, 0.1])
        assert time.monotonic() - began < 20
    assert second == Lost("took longer than 1.5 s", "Timeout")
    assert (first, third, fourth) == (None, None, None)


def test_a_job_deaf_to_signals_is_killed():
    with Killable(workers=1, timeout=1) as workers:
        deaf = "import signal, time; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); time.sleep(600)"
        lost, after = workers.imap(exec, [deaf, "1"])
    assert isinstance(lost, Lost)
    assert after is None


def test_a_crash_names_its_signal_or_status():
    with Killable(workers=1, timeout=30) as workers:
        crashed = list(workers.imap(signal.raise_signal, [signal.SIGSEGV, signal.SIGKILL]))
        assert crashed == [
            Lost("the decoder process died (signal 11: SIGSEGV)", "Crash"),
            Lost("the decoder process died (signal 9: SIGKILL, perhaps out of memory)", "Crash"),
        ]
        assert list(workers.imap(os._exit, [3])) == [Lost("the decoder process died (exit status 3)", "Crash")]
        assert list(workers.imap(len, ["still there"])) == [11]


def test_an_exception_comes_back_with_its_type_and_text():
    with Killable(workers=1, timeout=30) as workers:
        fine, failed = workers.imap(operator.inv, [1, "a"])
        assert fine == -2
        assert failed == Lost("bad operand type for unary ~: 'str'", "TypeError")
        assert list(workers.imap(sys.exit, ["enough"])) == [Lost("enough", "SystemExit")]
        (empty,) = workers.imap(probe, [Path(os.devnull)])
        assert empty == Lost("is not a regular file", "VideoError")


def test_a_result_that_cannot_travel_is_lost_alone():
    with Killable(workers=1, timeout=30) as workers:
        lost, fine = workers.imap(eval, ["(i for i in range(3))", "2 + 2"])
        assert isinstance(lost, Lost)
        assert "generator" in lost.reason
        assert fine == 4


def test_what_a_job_prints_does_not_disturb_the_answers(capfd: pytest.CaptureFixture[str]):
    with Killable(workers=1, timeout=30) as workers:
        assert list(workers.imap(print, ["hello"])) == [None]
        assert list(workers.imap(partial(os.write, 1), [b"raw"])) == [3]
    out, error = capfd.readouterr()
    assert out == ""
    assert "hello" in error


def test_jobs_are_taken_only_so_far_ahead():
    taken = []

    def jobs() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with Killable(workers=1, timeout=30) as workers:
        results = workers.imap(abs, jobs(), ahead=4)
        assert taken == [0, 1, 2, 3]  # the workers begin at once
        assert next(results) == 0
        assert len(taken) == 4
        assert next(results) == 1
        assert len(taken) == 5
        results.close()
        assert list(workers.imap(abs, [-7])) == [7]  # an abandoned round leaves nothing behind


def test_a_job_that_ends_in_time_is_not_lost_when_the_caller_is_slow():
    with Killable(workers=1, timeout=1.0) as workers:
        results = workers.imap(partial(np.ones, dtype=np.uint8), [(3, 1 << 20)] * 3, ahead=3)
        next(results)
        time.sleep(1.5)  # longer than the timeout, while a worker waits to hand over more than a pipe holds
        assert [array.shape for array in results] == [(3, 1 << 20)] * 2


def test_large_arrays_arrive_whole_and_writable():
    with Killable(workers=1, timeout=30) as workers:
        (array,) = workers.imap(partial(np.arange, dtype=np.int64), [5_000_000])
    array += 1
    np.testing.assert_array_equal(array, np.arange(1, 5_000_001))


def test_a_failing_source_of_jobs_reaches_the_caller():
    with Killable(workers=1, timeout=30) as workers, pytest.raises(ZeroDivisionError):
        list(workers.imap(abs, (1 // number for number in [1, 1, 0])))


def test_leaving_kills_what_still_runs():
    with Killable(workers=2, timeout=600) as workers:
        results = workers.imap(eval, ["__import__('os').getpid()", "__import__('time').sleep(600)"])
        process = next(results)
        assert not gone(process, 0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert gone(process)
    with pytest.raises(RuntimeError, match="inside"):
        next(workers.imap(abs, [1]))


def test_a_worker_killed_between_jobs_is_replaced():
    with Killable(workers=1, timeout=30) as workers:
        (process,) = workers.imap(eval, ["__import__('os').getpid()"])
        os.kill(process, signal.SIGKILL)
        assert gone(process)
        (other,) = workers.imap(eval, ["__import__('os').getpid()"])
        assert other != process


def test_workers_that_cannot_start_are_a_broken_set_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Killable(workers=1, timeout=30) as workers, pytest.raises(LaffError, match="did not start"):
        list(workers.imap(abs, [1]))


PARENT = """
import sys; sys.path.insert(0, {root!r})
from pipeline.workers.killable import Killable
with Killable(workers=2, timeout=600) as workers:
    jobs = ["__import__('os').getpid()", {hang!r}]
    for answer in workers.imap(eval, jobs + jobs):
        print(answer, flush=True)
"""


def test_workers_die_with_a_parent_that_is_killed():
    # The second job neither reads its input nor lets other threads of the worker run, as a decoder that holds the GIL.
    hang = "__import__('ctypes').PyDLL(None).sleep(600)"
    program = PARENT.format(root=str(ROOT), hang=hang)
    # From standard input: the worker must not need to import the parent's program.
    with subprocess.Popen([sys.executable, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(program)
        parent.stdin.close()
        worker = int(parent.stdout.readline())
        time.sleep(0.5)  # the hanging job runs
        children = Path(f"/proc/{parent.pid}/task").glob("*/children")
        workers = {worker, *(int(child) for file in children for child in file.read_text().split())}
        assert len(workers) == 2
        parent.kill()
        assert all(gone(process) for process in workers)


ELSEWHERE = """
import os, sys
sys.path.insert(0, {root!r})
sys.platform = "other"
from pipeline.workers import serving
parent = os.getpid()
if not os.fork():
    serving.serve(parent)
    os._exit(0)
print("ready", flush=True)
__import__("time").sleep(600)
"""


def test_elsewhere_than_on_linux_a_worker_looks_whether_its_parent_is_there():
    """Its input stays open, and it is at work: it ends by itself."""
    program = [sys.executable, "-c", ELSEWHERE.format(root=str(ROOT))]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        children = Path(f"/proc/{parent.pid}/task").glob("*/children")
        (worker,) = (int(child) for file in children for child in file.read_text().split())
        parent.kill()
        assert gone(worker)


def test_elsewhere_than_on_linux_ps_tells_how_much_a_worker_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(killable, "PROCESSES", tmp_path / "proc")
    monkeypatch.setattr(killable, "ASKED", 0.05)
    monkeypatch.setattr(killable, "GLANCE", 0.01)
    keep = "__import__('sys').modules.setdefault('kept', bytearray(b'x') * (400 << 20)), __import__('time').sleep(600)"
    with Killable(workers=1, timeout=60, memory=0.25) as workers:
        lost, after = workers.imap(eval, [keep, "1"])
    assert lost == Lost("needed more memory than 0.25 GiB", "Memory")
    assert after == 1


def test_where_nobody_tells_how_much_a_worker_holds_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(killable, "PROCESSES", tmp_path / "proc")
    monkeypatch.setenv("PATH", "")
    with Killable(workers=1, timeout=60, memory=0.001) as workers:
        assert list(workers.imap(eval, ["1", "2"])) == [1, 2]


def test_a_worker_imports_neither_torch_nor_more_than_it_needs():
    with Killable(workers=1, timeout=30) as workers:
        list(workers.imap(probe, [Path("nothing")]))
        (heavy,) = workers.imap(eval, ["{'torch', 'h5py', 'dask', 'open_clip'} & set(__import__('sys').modules)"])
    assert heavy == set()


@pytest.mark.parametrize(("workers", "timeout", "memory"), [(0, 1.0, 4.0), (1, 0.0, 4.0), (1, 1.0, 0.0)])
def test_nonsense_is_refused(workers: int, timeout: float, memory: float):
    with pytest.raises(ValueError, match="positive"):
        Killable(workers, timeout, memory)


HOLD = "sum(map(len, [bytearray(b'x') * (1 << 20) for _ in range({})]))"  # so many MiB, each page written


def test_a_job_that_needs_too_much_memory_is_lost_alone():
    with Killable(workers=2, timeout=60, memory=0.25) as workers:
        jobs = ["1", HOLD.format(4000), "2", HOLD.format(50), "3"]
        lost = Lost("needed more memory than 0.25 GiB", "Memory")
        assert list(workers.imap(eval, jobs)) == [1, lost, 2, 50 << 20, 3]


def test_a_peak_that_is_over_when_anybody_looks_counts():
    peak = "__import__('mmap').mmap(-1, 300 << 20).write(b'x' * (300 << 20))"  # given back before the answer is sent
    with Killable(workers=1, timeout=60, memory=0.25) as workers:
        assert list(workers.imap(eval, [peak])) == [Lost("needed more memory than 0.25 GiB", "Memory")]


def test_what_earlier_jobs_left_behind_is_not_held_against_a_job():
    keep = "__import__('sys').modules.setdefault('kept', bytearray(b'x') * (150 << 20)) and __import__('os').getpid()"
    with Killable(workers=1, timeout=60, memory=0.25) as workers:
        first, held, again = workers.imap(eval, [keep, HOLD.format(150), "__import__('os').getpid()"])
        assert held == 150 << 20
        assert again != first  # it was done in a fresh process


def test_memory_that_the_system_refuses_is_a_lack_of_memory():
    with Killable(workers=1, timeout=60) as workers:
        before, lost, after = workers.imap(
            eval, ["__import__('os').getpid()", "bytearray(1 << 60)", "__import__('os').getpid()"]
        )
        assert lost == Lost("needed more memory than the system gave", "Memory")
        assert after != before


def test_a_job_that_is_under_way_when_the_workers_end_is_not_lost_but_refused():
    with Killable(workers=1, timeout=60) as workers:
        results = workers.imap(time.sleep, [60])
        time.sleep(1.5)  # the worker is there and works
    with pytest.raises(LaffError, match="ended while they worked"):
        next(results)


def test_limits_are_those_of_when_a_round_began():
    with Killable(workers=1, timeout=60) as workers:
        first = workers.imap(time.sleep, [0.5, 0.5])
        workers.timeout = 0.1
        second = workers.imap(time.sleep, [5])
        assert list(first) == [None, None]
        (lost,) = second
        assert isinstance(lost, Lost)
        assert lost.reason == "took longer than 0.1 s"


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        ("no_such_package", LaffError, "a decoder process needs the package no_such_package, which is not installed"),
        ("pipeline.no_such_file", ModuleNotFoundError, "'pipeline.no_such_file', in a decoder process"),
    ],
)
def test_what_no_job_can_do_ends_the_run(module: str, error: type[Exception], message: str) -> None:
    """A package to install is named; a module that a package or our code should have is a mistake."""
    with Killable(workers=1, timeout=30) as workers, pytest.raises(error, match=message):
        list(workers.imap(exec, [f"import {module}"]))
