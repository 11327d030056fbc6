"""Threads for forwards: a bounded number on their way, in the order in which they are given."""

from __future__ import annotations

import threading

import pytest
import torch

from pipeline.devices.lanes import Lanes


@pytest.mark.parametrize(("running", "waiting"), [(2, 1), (2, 0), (1, 1)])
def test_only_so_many_forwards_are_on_their_way(running: int, waiting: int) -> None:
    lanes, gate, begun = Lanes(running, waiting), threading.Event(), []
    for number in range(running + waiting):
        lanes.submit(lambda number=number: (begun.append(number), gate.wait(30)))
    done = threading.Event()
    further = threading.Thread(target=lambda: (lanes.submit(lambda: None), done.set()))
    further.start()
    assert not done.wait(0.2)
    assert sorted(begun) == [*range(running)]
    gate.set()
    assert done.wait(30)
    further.join()
    lanes.close()


def test_a_forward_that_fails_makes_room() -> None:
    lanes = Lanes(1, 0)
    failed = lanes.submit(lambda: 1 / 0)
    assert lanes.submit(lambda: 2).result(30) == 2
    assert isinstance(failed.exception(), ZeroDivisionError)
    lanes.close()


def test_a_forward_computes_in_one_thread() -> None:
    lanes = Lanes(2)
    assert [lanes.submit(torch.get_num_threads).result(30) for _ in range(4)] == [1] * 4
    lanes.close()
