"""A GPU that only pretends: tensors on it have shape, dtype and device, and no values;
what is brought back from it is zeros.

torch's FakeTensorMode refuses operands on two devices, as a GPU does. What a program would wait for is counted or
refused here: `.item()`, `if tensor:`, masks, indices on the CPU, and copies but those that are told not to wait, to and
from pinned memory. Tensors on the CPU stay real, as they do in a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from extractors.pixels import constants


class Waits(RuntimeError):
    """The program would wait for the GPU here."""


aten = torch.ops.aten
INDEXING = (aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default)


class PretendedGpu(TorchDispatchMode):
    """While it is active, `cuda` is there; `steady` refuses what the program would wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeTensorMode(allow_non_fake_inputs=True)
        with self.fake:  # which replaces what would ask a driver about its devices
            pass
        self.steady = False
        self.sent = 0  # copies to it, by which a test knows that it was used at all
        self.read = 0  # values that were asked for; each is 0
        self.pinned: list[Any] = []  # storages of tensors that were pinned

    def pin(self, values: Tensor) -> Tensor:
        """A copy that a GPU can fetch by itself."""
        pinned = values.clone()
        self.pinned.append(pinned.untyped_storage())
        return pinned

    def is_pinned(self, values: Tensor) -> bool:
        """Whether these are in pinned memory."""
        return any(values.untyped_storage().data_ptr() == one.data_ptr() for one in self.pinned)

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        device = kwargs.get("device")
        leaves = tree_leaves((args, kwargs))
        on_gpu = [leaf for leaf in leaves if isinstance(leaf, FakeTensor)]
        if not on_gpu and (device is None or torch.device(device).type != "cuda"):
            return func(*args, **kwargs)
        if func is aten._local_scalar_dense.default and args[0].is_cuda:
            self.wait("the value of a tensor on the GPU")
            self.read += 1
            return 0
        if func is aten._to_copy.default and device is not None:
            source, target = args[0].device.type, torch.device(device).type
            self.copied(
                args[0], target, kwargs.get("non_blocking", False) and (source == "cuda" or self.is_pinned(args[0]))
            )
            if source == "cuda" and target != "cuda":  # into memory that torch pins itself if it is not to wait
                return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        if func is aten.copy_.default and args[0].device.type != args[1].device.type:
            early = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
            here = next(values for values in args[:2] if not values.is_cuda)
            self.copied(args[1], args[0].device.type, early and self.is_pinned(here))
            if not args[0].is_cuda:
                return args[0].zero_()
        if func in INDEXING:
            self.indexed(args[1], args[2] if len(args) > 2 else None)
        with self.fake:
            return func(*args, **kwargs)

    def wait(self, why: str) -> None:
        """The program waits here."""
        if self.steady:
            raise Waits(why)

    def copied(self, values: Tensor, target: str, early: bool) -> None:
        """Values are copied to a kind of device; `early`: the program goes on at once."""
        source = values.device.type
        if source == target:
            return
        self.sent += target == "cuda"
        if not early:
            self.wait(f"a copy of {list(values.shape)} from {source} to {target}")

    def indexed(self, indices: Sequence[Tensor | None], values: Tensor | None) -> None:
        """A tensor on the GPU is read or written at these indices; a single value is written without counting them."""
        for index in indices:
            if (
                index is not None
                and index.dtype in (torch.bool, torch.uint8)
                and (values is None or values.numel() != 1)
            ):
                self.wait("how many values a mask chooses")
            if index is not None and not index.is_cuda:
                self.copied(index, "cuda", early=False)

    @contextmanager
    def no_waiting(self) -> Iterator[None]:
        """Inside, copies between CPU and GPU must not be waited for."""
        self.steady = True
        try:
            yield
        finally:
            self.steady = False


def moved(net: nn.Module, *given: Any, **named: Any) -> nn.Module:
    """nn.Module.to, which cannot swap real tensors for fake ones."""
    device = named.get("device", next((one for one in given if isinstance(one, str | torch.device)), None))
    if device is None or torch.device(device).type != "cuda":
        return plain_to(net, *given, **named)
    for module in net.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                moved_parameter = nn.Parameter(parameter.detach().to(device), requires_grad=parameter.requires_grad)
                module._parameters[name] = moved_parameter
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = buffer.to(device)
    return net


plain_to = nn.Module.to


@contextmanager
def pretend(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendedGpu]:
    """A machine with one GPU that computes nothing. Skips where torch has no CUDA: that kind cannot even pretend."""
    if torch.version.cuda is None:
        pytest.skip("torch is of the kind without CUDA")
    with monkeypatch.context() as patch, PretendedGpu() as gpu:
        patch.setattr(nn.Module, "to", moved)
        patch.setattr(Tensor, "pin_memory", lambda values: gpu.pin(values))
        patch.setattr(torch.cuda, "_lazy_init", lambda: None)  # it would look for a driver
        patch.setattr(torch.backends.cudnn, "enabled", False)  # its LSTM would ask the driver
        patch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)  # else no autocast
        patch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)
        lifted = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(…, device="cuda") is made here and copied
        constants.cache_clear()  # nothing of the pretended GPU is kept, nor given to it
        try:
            yield gpu
        finally:
            torch._C._set_only_lift_cpu_tensors(lifted)
            constants.cache_clear()
