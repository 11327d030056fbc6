"""Memory for batches is used again; a GPU is sent them, and gives values, without being waited for as a whole."""

from __future__ import annotations

import time

import pytest
import torch

from pipeline.extraction.device import Cuda, Device, Devices

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
EITHER = [Device, pytest.param(Cuda, marks=gpu)]


@pytest.mark.parametrize("kind", EITHER)
def test_memory_that_was_given_back_is_taken_again(kind: type[Device]) -> None:
    device = kind()
    one = device.take(4, (2, 3))
    assert (one.shape, one.dtype) == ((4, 2, 3), torch.uint8)
    assert device.take(4, (2, 3)).data_ptr() != one.data_ptr()  # the first is out
    device.give(one)
    assert device.take(4, (3, 3)).shape == (4, 3, 3)
    assert device.take(5, (2, 3)).shape == (5, 2, 3)
    assert device.take(3, (2, 3)) is one
    device.give(one)
    device.drop()
    assert device.take(3, (2, 3)) is not one


@pytest.mark.parametrize("kind", EITHER)
def test_what_is_sent_and_fetched_is_the_same(kind: type[Device]) -> None:
    device = kind()
    buffer = device.take(4, (5,))
    buffer.copy_(torch.arange(20).reshape(4, 5))
    with device.turn():
        wait = device.fetch(device.send(buffer[:3]).float() + 0.5)
    if device.sent():
        buffer.zero_()  # the values are those of what was sent
    assert wait().tolist() == [[n + 0.5 for n in range(at, at + 5)] for at in (0, 5, 10)]
    assert device.took(time.perf_counter() - 1) >= 1
    device.relieve()


def test_a_cpu_reads_a_batch_where_it_lies() -> None:
    device = Device()
    buffer = device.take(2, (3,))
    assert device.send(buffer) is buffer
    assert not device.sent()


@gpu
def test_a_gpu_has_pinned_memory_and_is_not_waited_for() -> None:
    """Two forwards of a tenth of a second and more are begun in less than that."""
    device = Cuda()
    buffer = device.take(8, (1 << 20,))
    assert buffer.is_pinned()
    slow = torch.randn(8192, 8192, device="cuda")
    (slow @ slow).sum().item()
    waits = []
    start = time.perf_counter()
    for _ in range(2):
        sent = device.send(buffer)
        for _ in range(200):
            slow @ slow
        waits.append(device.fetch(sent.float().sum(1)))
        assert device.sent()
    begun = time.perf_counter() - start
    for wait in waits:
        wait()
    assert begun < (time.perf_counter() - start) / 2


def test_a_worker_has_one_object_for_a_device() -> None:
    devices = Devices()
    assert devices.named("cpu") is devices.named("cpu")
    assert type(devices.named("cpu")) is Device
