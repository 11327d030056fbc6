"""Jobs one after the other in this process: in order, told what follows, with one worker that lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from pipeline import progress
from pipeline.workers.tasks import Serial
from pipeline.workers.worker import Worker


@dataclass
class Item:
    """A job."""

    value: int
    following: Item | None = None


class Sums:
    """What is kept from job to job."""

    closed: ClassVar[int] = 0

    def __init__(self) -> None:
        self.total = 0

    def close(self) -> None:
        Sums.closed += 1


def summed(job: Item, worker: Worker) -> tuple[Item, int]:
    """The job itself, and the sum of all values so far."""
    worker.advance(job.value)
    sums = worker.kept(Sums)
    sums.total += job.value
    return job, sums.total


@pytest.fixture
def serial() -> Serial:
    return Serial()


def test_results_come_in_order_and_jobs_know_what_follows(serial: Serial) -> None:
    jobs = [Item(value) for value in (1, 2, 4)]
    done = list(serial.each(summed, jobs))
    assert [total for _, total in done] == [1, 3, 7]
    for (given, _), job in zip(done, jobs, strict=True):
        assert given is job  # decoders know by this which pass they have begun
    assert [job.following for job in jobs] == [jobs[1], jobs[2], None]
    assert list(serial.each(summed, [])) == []


def test_a_worker_lasts_until_it_is_closed(serial: Serial) -> None:
    before = Sums.closed
    assert [total for _, total in serial.each(summed, [Item(1)])] == [1]
    assert [total for _, total in serial.each(summed, [Item(1)])] == [2]
    serial.close()
    assert Sums.closed == before + 1
    assert [total for _, total in serial.each(summed, [Item(1)])] == [1]
    serial.forget(Sums)
    assert Sums.closed == before + 2
    assert [total for _, total in serial.each(summed, [Item(1)])] == [1]


def test_jobs_move_the_bar_that_is_given(serial: Serial) -> None:
    with progress.bar("outer", 10, "item") as outer, progress.bar("inner", 10, "item") as inner:
        list(serial.each(summed, [Item(3), Item(4)], outer))
        list(serial.each(summed, [Item(5)]))
        assert (outer.done, inner.done) == (7, 0)


def test_jobs_are_made_two_ahead(serial: Serial) -> None:
    taken = []

    def jobs():
        for number in range(5):
            taken.append(number)
            yield Item(number)

    results = serial.each(summed, jobs())
    next(results)
    assert taken == [0, 1, 2]
    results.close()
