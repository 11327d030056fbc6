"""Memory for batches is used again, and no more of it is kept than is in use at a time."""

from __future__ import annotations

import time

import torch

from pipeline.devices.device import Device
from pipeline.devices.worker_devices import Devices


def check_memory(device: Device) -> None:
    """Memory that was given back is taken again where it is large enough."""
    one = device.take(4, (2, 3))
    assert (one.shape, one.dtype) == ((4, 2, 3), torch.uint8)
    assert device.take(4, (2, 3)).data_ptr() != one.data_ptr()  # the first is out
    device.give(one)
    assert device.take(4, (3, 3)).shape == (4, 3, 3)
    assert device.take(3, (2, 3)) is one
    device.give(one)
    device.drop()
    assert device.take(3, (2, 3)) is not one


def check_values(device: Device) -> None:
    """What is sent and fetched is the same, whatever becomes of the batch's memory afterwards."""
    buffer = device.take(4, (5,))
    buffer.copy_(torch.arange(20).reshape(4, 5))
    with device.begin_lock():
        wait = device.fetch(device.send(buffer[:3]).float() + 0.5)
    if device.copies_done():
        buffer.zero_()
    assert wait().tolist() == [[n + 0.5 for n in range(at, at + 5)] for at in (0, 5, 10)]
    assert device.computed(time.perf_counter() - 1) >= 1
    device.relieve()


def test_memory_that_was_given_back_is_taken_again() -> None:
    check_memory(Device())


def test_what_is_sent_and_fetched_is_the_same() -> None:
    check_values(Device())


def test_batches_that_grow_leave_none_behind() -> None:
    """Ten passes of 100 to 109 videos keep the largest batch alone; those of other shapes stay."""
    device = Device()
    other = device.take(7, (2,))
    device.give(other)
    for slots in range(100, 110):
        device.give(device.take(slots, (3,)))
    assert len(device.take(1, (3,))) == 109
    assert len(device.take(1, (3,))) == 1  # there was no other
    assert device.take(7, (2,)) is other


def test_a_cpu_reads_a_batch_where_it_lies() -> None:
    device = Device()
    buffer = device.take(2, (3,))
    assert device.send(buffer) is buffer
    assert not device.copies_done()


def test_a_worker_has_one_object_for_a_device() -> None:
    devices = Devices()
    assert devices.named("cpu") is devices.named("cpu")
    assert type(devices.named("cpu")) is Device
