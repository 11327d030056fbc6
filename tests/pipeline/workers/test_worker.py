"""What a worker keeps: one object of a class, closed once, the last first; and whom it tells."""

from __future__ import annotations

import threading
import time
from typing import Any, ClassVar

import pytest

from pipeline.workers.worker import Worker


class Pool:
    """Something that has to be closed."""

    closed: ClassVar[list[Any]] = []

    def close(self) -> None:
        self.closed.append(self)


class Models(Pool):
    """Another."""


class Names:
    """Something without an end."""


@pytest.fixture(autouse=True)
def nothing_closed() -> None:
    Pool.closed.clear()


def test_one_object_of_a_class_is_made_when_first_asked_for_and_kept() -> None:
    worker, other = Worker(), Worker()
    assert worker.kept(Pool) is worker.kept(Pool)
    assert type(worker.kept(Models)) is Models
    assert worker.kept(Pool) is not worker.kept(Models)
    assert other.kept(Pool) is not worker.kept(Pool)


def test_all_are_closed_once_the_last_made_first_and_made_anew_afterwards() -> None:
    worker = Worker()
    pool, names, models = worker.kept(Pool), worker.kept(Names), worker.kept(Models)
    worker.close()
    assert Pool.closed == [models, pool]
    worker.close()
    assert Pool.closed == [models, pool]
    assert worker.kept(Pool) is not pool
    assert worker.kept(Names) is not names


def test_one_class_can_be_forgotten() -> None:
    worker = Worker()
    pool, models = worker.kept(Pool), worker.kept(Models)
    worker.forget(Pool)
    worker.forget(Names)  # of which it has none
    assert Pool.closed == [pool]
    assert worker.kept(Models) is models
    assert worker.kept(Pool) is not pool


def test_what_fails_to_be_made_is_tried_again() -> None:
    class Late(Names):
        tries = 0

        def __init__(self) -> None:
            Late.tries += 1
            if Late.tries == 1:
                raise OSError("not yet")

    worker = Worker()
    with pytest.raises(OSError, match="not yet"):
        worker.kept(Late)
    assert isinstance(worker.kept(Late), Late)


def test_progress_is_told_to_whom_the_job_is_done_for() -> None:
    worker, counts, after = Worker(), [], []

    def job(count: int, doing: Worker) -> str:
        doing.advance()
        doing.advance(count)
        return "done"

    def wrong(count: int, doing: Worker) -> None:
        raise ValueError(count)

    worker.advance(100)  # to nobody
    assert worker.do(job, 3, counts.append) == "done"
    with pytest.raises(ValueError, match="7"):
        worker.do(wrong, 7, counts.append)
    worker.advance(100)
    worker.do(job, 5, after.append)
    worker.do(job, 9, None)
    assert (counts, after) == ([1, 3], [1, 5])


def test_it_does_one_job_at_a_time_however_many_threads_ask() -> None:
    worker, inside, most = Worker(), [], []

    def job(number: int, doing: Worker) -> None:
        inside.append(number)
        most.append(len(inside))
        time.sleep(0.01)
        inside.remove(number)

    threads = [threading.Thread(target=worker.do, args=(job, number, None)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 5


class Job:
    """A job that may be told what comes next."""

    def __init__(self, following: Any = None) -> None:
        self.following = following


class Other(Job):
    """One of another kind."""


def test_a_job_is_told_what_waits_behind_it() -> None:
    worker, gate, done = Worker(), threading.Event(), []
    jobs: list[Any] = [Job(), Job(), Other(), Other(), 5, Job()]

    def work(job: Any, doing: Worker) -> None:
        gate.wait(30)
        done.append(job)

    threads = []
    for number, job in enumerate(jobs):
        threads.append(threading.Thread(target=worker.do, args=(work, job, None)))
        threads[-1].start()
        while len(worker._line) <= number:
            time.sleep(0.001)
    assert [jobs.index(job.following) if job.following else None for job in jobs if job != 5] == [
        1,
        None,
        3,
        None,
        None,
    ]
    gate.set()
    for thread in threads:
        thread.join()
    assert done == jobs  # in the order in which they came


def test_the_same_job_twice_is_done_twice_and_one_that_fails_lets_the_next_go_on() -> None:
    worker, inside, most = Worker(), [], []

    def wrong(number: int, doing: Worker) -> None:
        inside.append(number)
        most.append(len(inside))
        time.sleep(0.01)
        inside.remove(number)
        raise ValueError(number)

    def try_it() -> None:
        with pytest.raises(ValueError, match="7"):
            worker.do(wrong, 7, None)

    threads = [threading.Thread(target=try_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 3


def test_who_shows_bars() -> None:
    assert Worker().shows
    assert not Worker(shows=False).shows
