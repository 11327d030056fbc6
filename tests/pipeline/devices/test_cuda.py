"""What of a GPU's device can be seen without one: memory that the system does not pin."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pipeline.devices.cuda import Cuda


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    monkeypatch.setattr(torch.cuda, "Stream", object)
    return Cuda()


def refusing(monkeypatch: pytest.MonkeyPatch, why: str) -> list[Any]:
    """Let torch pin no memory -> the shapes for which it was asked."""
    asked: list[Any] = []
    plain = torch.empty

    def empty(shape: Any, dtype: torch.dtype, pin_memory: bool = False) -> torch.Tensor:
        if pin_memory:
            asked.append(shape)
            raise RuntimeError(why)
        return plain(shape, dtype=dtype)

    monkeypatch.setattr(torch, "empty", empty)
    return asked


def test_where_no_memory_can_be_pinned_ordinary_memory_serves(
    device: Cuda, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = refusing(monkeypatch, "CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA`")
    buffers = [device.take(2, (3,)) for _ in range(2)]
    assert [buffer.shape for buffer in buffers] == [(2, 3), (2, 3)]
    assert asked == [(2, 3)]  # and not again
    (said,) = capfd.readouterr().err.splitlines()
    assert said.endswith(
        "no more memory can be pinned (CUDA error: out of memory); batches are copied to the GPU from ordinary memory"
    )


def test_another_error_of_the_gpu_is_raised(device: Cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, "CUDA error: an illegal memory access was encountered")
    with pytest.raises(RuntimeError, match="illegal"):
        device.take(2, (3,))


def test_pinned_memory_goes_when_nothing_follows(device: Cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    emptied: list[bool] = []
    monkeypatch.setattr(torch.accelerator, "empty_host_cache", lambda: emptied.append(True), raising=False)
    refusing(monkeypatch, "CUDA error: out of memory")
    device.give(buffer := torch.zeros(2, 3, dtype=torch.uint8))
    device.drop()
    assert emptied == [True]
    assert device.take(2, (3,)) is not buffer
