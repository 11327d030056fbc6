"""Jobs side by side in processes of their own: all results, in any number, and nobody left behind."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pipeline import progress
from pipeline.devices import resources
from pipeline.errors import LaffError, Missing
from pipeline.workers import beside
from pipeline.workers.beside import Beside
from pipeline.workers.worker import Worker


class Read:
    """What is read once, before processes are forked."""

    def __init__(self) -> None:
        self.by: list[int] = []  # processes


@dataclass
class Item:
    """A job that is prepared."""

    value: int
    title: str = "train laff/seed1 (1/3)"
    marks: dict[str, str] = field(default_factory=dict)

    def prepare(self, worker: Worker) -> None:
        worker.kept(Read).by.append(os.getpid())

    def lost(self, how: str) -> str:
        return f"lost: {how}"


class Two(Exception):
    """It cannot be pickled, whatever distributed, where it was imported, has taught pickle of exceptions."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")

    def __reduce__(self) -> Any:
        raise TypeError("not to be pickled")


ERRORS: dict[str, Exception] = {
    "laff": LaffError("make room", ["make", "room"]),
    "missing": Missing("abc", "it"),
    "two": Two("a", "b"),
    "disk": OSError(errno.ENOSPC, "No space left on device", "last.pt"),
}


def squared(job: Item, worker: Worker) -> int:
    worker.advance(job.value)
    return job.value**2


def who(job: Item, worker: Worker) -> tuple[int, list[int]]:
    return os.getpid(), worker.kept(Read).by


def telling(job: Item, worker: Worker) -> int:
    progress.say("all the same")
    progress.say(f"job {job.value}")
    return job.value


def telling_from_threads(job: Item, worker: Worker) -> int:
    """Long lines, which a pipe takes in several pieces."""
    threads = [Thread(target=progress.say, args=(letter * 200_000,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return job.value


def failing(job: Item, worker: Worker) -> int:
    if job.value == 1:
        raise ERRORS[job.marks["kind"]]
    time.sleep(600)
    return 0


def dying(job: Item, worker: Worker) -> int:
    """The first try of job 1 is killed when it has told of three items."""
    if job.value == 1 and ("always" in job.marks or not Path(job.marks["tried"]).exists()):
        if "tried" in job.marks:
            Path(job.marks["tried"]).touch()
        worker.advance(3)
        os.kill(os.getpid(), signal.SIGKILL)
    worker.advance(1)
    return job.value


def nothing() -> None:
    """Nobody's lock."""


def tasks(most: int, forks: bool = True) -> Beside:
    return Beside(most, Worker(), forks, nothing)


@pytest.mark.parametrize("most", [1, 2, 3, 8])
def test_every_job_has_its_result_however_many_run(most: int) -> None:
    with progress.bar("all", 15, "item") as bar:
        results = list(tasks(most).each(squared, [Item(value) for value in range(1, 6)], bar))
        assert bar.done == 15
    assert sorted(results) == [1, 4, 9, 16, 25]
    assert not list(tasks(most).each(squared, []))


def test_what_is_read_before_is_there_in_every_process() -> None:
    results = list(tasks(2).each(who, [Item(1), Item(2), Item(3)]))
    assert len({process for process, _ in results} | {os.getpid()}) == 4
    assert sorted(read for _, read in results) == [[os.getpid()] * count for count in (1, 2, 3)]


def test_what_jobs_say_is_shown_here_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    list(tasks(2).each(telling, [Item(1), Item(2)]))
    lines = [line.split(" ", 2)[2] for line in capsys.readouterr().err.splitlines()]
    assert sorted(lines) == ["all the same", "job 1", "job 2"]


@pytest.mark.parametrize(
    ("kind", "raised", "text"),
    [
        ("laff", LaffError, "make room"),
        ("missing", Missing, "it needs the package abc"),
        ("disk", OSError, "No space left on device: 'last.pt'"),
        ("two", RuntimeError, "Two: a and b"),
    ],
)
def test_an_exception_is_raised_here_and_ends_the_others(kind: str, raised: type[Exception], text: str) -> None:
    doing = tasks(2).each(failing, [Item(0), Item(1, marks={"kind": kind})])
    began = time.monotonic()
    with pytest.raises(raised, match=text) as caught:
        list(doing)
    assert time.monotonic() - began < 60
    assert type(caught.value) is raised
    if isinstance(caught.value, LaffError):
        assert caught.value.__cause__ is None
    else:
        assert "in failing" in str(caught.value.__cause__)  # the traceback of the other process
    if kind == "laff":
        assert caught.value.problems == ["make", "room"]


def test_threads_of_a_job_say_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tasks(2).each(telling_from_threads, [Item(1)])) == [1]
    assert sorted(line.split()[-1] for line in capsys.readouterr().err.splitlines()) == [
        letter * 200_000 for letter in "abcd"
    ]


def test_a_process_that_is_killed_costs_no_other_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is begun anew, with one fewer at a time; the bar takes back what the lost one had told."""
    jobs = [Item(value, marks={"tried": str(tmp_path / "tried")}) for value in (1, 2, 3)]
    doing = tasks(3)
    with progress.bar("all", 3, "item") as bar:
        assert sorted(doing.each(dying, jobs, bar)) == [1, 2, 3]
        assert bar.done == 3
    assert doing.most == 2
    assert (
        "train laff/seed1 (1/3): its process ended (signal 9: SIGKILL, perhaps out of memory); it is begun anew, and 2 "
        "at a time from here on"
    ) in capsys.readouterr().err


def test_one_that_is_killed_alone_is_lost() -> None:
    results = list(tasks(2).each(dying, [Item(1, marks={"always": ""}), Item(2), Item(3)]))
    assert sorted(map(str, results)) == ["2", "3", "lost: signal 9: SIGKILL, perhaps out of memory"]


def waiting(job: Item, worker: Worker) -> None:
    Path(job.marks["folder"], str(os.getpid())).touch()
    time.sleep(600)


def test_leaving_early_ends_what_runs(tmp_path: Path) -> None:
    doing = tasks(2).each(waiting, [Item(number, marks={"folder": str(tmp_path)}) for number in range(3)])
    before = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with pytest.raises(KeyboardInterrupt):
        next(doing)
    signal.signal(signal.SIGALRM, before)
    for path in tmp_path.iterdir():  # two, where the machine is not busy
        with pytest.raises(ChildProcessError):  # it is ended, and waited for
            os.waitpid(int(path.name), os.WNOHANG)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_a_fresh_interpreter_does_the_same() -> None:
    """As where a fork is not safe."""
    with progress.bar("all", 3, "item") as bar:
        results = list(Beside(2, Worker(), False, nothing).each(squared, [Item(1), Item(2)], bar))
        assert bar.done == 3
    assert sorted(results) == [1, 4]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child ends when it next tells something")
def test_the_end_of_the_parent_is_the_end_of_all(tmp_path: Path) -> None:
    parent = os.fork()
    if not parent:
        list(tasks(2).each(waiting, [Item(number, marks={"folder": str(tmp_path)}) for number in range(3)]))
    assert _soon(lambda: len(list(tmp_path.iterdir())) == 2)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    assert _soon(lambda: not any(_alive(int(path.name)) for path in tmp_path.iterdir()))


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _soon(what: Callable[[], bool]) -> bool:
    end = time.monotonic() + 60
    while not what() and time.monotonic() < end:
        time.sleep(0.01)
    return what()


def test_where_the_system_refuses_a_process_fewer_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where a container may not have more of them; the others do what is left."""
    fork, calls = os.fork, iter(range(100))

    def refusing() -> int:
        if next(calls) == 1:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return fork()

    monkeypatch.setattr(os, "fork", refusing)
    assert sorted(tasks(3).each(squared, [Item(value) for value in (1, 2, 3)])) == [1, 4, 9]
    assert (
        "the system starts no further process (Resource temporarily unavailable); 1 at a time"
        in capsys.readouterr().err
    )


def test_where_the_system_refuses_the_only_process_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fork", Path("none").read_bytes)
    with pytest.raises(LaffError, match=r"\(1/3\): the system starts no process for it .*LAFF_TRAININGS=1 trains"):
        list(tasks(3).each(squared, [Item(1), Item(2)]))


def test_an_interrupt_amid_a_fork_is_the_parent_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a child that does not yet follow its parent it would end whatever that one has begun."""
    fork, this = os.fork, os.getpid()

    def interrupted() -> int:
        child = fork()
        if not child:
            os.kill(os.getpid(), signal.SIGINT)
        assert child or os.getpid() != this
        return child

    monkeypatch.setattr(os, "fork", interrupted)
    assert sorted(tasks(2).each(squared, [Item(value) for value in (1, 2, 3)])) == [1, 4, 9]


def test_how_many_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are cores for their threads, jobs, and GiB of free memory; or as many as somebody says."""
    monkeypatch.setattr(resources, "cores", lambda: 8)
    monkeypatch.setattr(resources, "free_memory", lambda: 5 << 30)
    monkeypatch.delenv("LAFF_TRAININGS")
    assert [beside.number(jobs, threads) for jobs, threads in ((3, 1), (9, 1), (9, 2), (9, 16), (1, 1))] == [
        *(3, 5, 4, 1, 1)
    ]
    monkeypatch.setattr(resources, "free_memory", lambda: 1 << 29)
    assert beside.number(9, 1) == 1
    monkeypatch.setenv("LAFF_TRAININGS", "6")
    assert (beside.number(9, 1), beside.number(4, 1)) == (6, 4)
    monkeypatch.setenv("LAFF_TRAININGS", "none")
    with pytest.raises(LaffError, match="LAFF_TRAININGS is 'none'; it should be a number of processes, at least 1"):
        beside.number(9, 1)
