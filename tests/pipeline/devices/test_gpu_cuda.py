"""A GPU is sent batches, and gives values, without being waited for as a whole."""

from __future__ import annotations

import time

import torch

from pipeline.devices.cuda import Cuda
from tests.pipeline.devices.test_device import check_memory, check_values


def test_memory_that_was_given_back_is_taken_again(gpu: str) -> None:
    check_memory(Cuda())


def test_what_is_sent_and_fetched_is_the_same(gpu: str) -> None:
    check_values(Cuda())


def test_from_ordinary_memory_too(gpu: str) -> None:
    device = Cuda()
    device._pins = False
    assert not device.take(4, (5,)).is_pinned()
    check_values(device)


def test_a_gpu_has_pinned_memory_and_is_not_waited_for(gpu: str) -> None:
    """Two forwards of a tenth of a second and more are begun in less than that."""
    device = Cuda()
    buffer = device.take(8, (1 << 20,))
    assert buffer.is_pinned()
    slow = torch.randn(8192, 8192, device=gpu)
    (slow @ slow).sum().item()
    waits = []
    start = time.perf_counter()
    for _ in range(2):
        sent = device.send(buffer)
        for _ in range(200):
            slow @ slow
        waits.append(device.fetch(sent.float().sum(1)))
        assert device.copies_done()
    begun = time.perf_counter() - start
    for wait in waits:
        wait()
    assert begun < (time.perf_counter() - start) / 2


def test_memory_that_is_reserved_is_taken(gpu: str) -> None:
    torch.cuda.empty_cache()
    free = torch.cuda.mem_get_info()[0]
    kept = Cuda().reserve(1 << 30)
    assert free - torch.cuda.mem_get_info()[0] >= 1 << 30
    del kept
    torch.cuda.empty_cache()
