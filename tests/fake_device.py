"""A GPU that only pretends: tensors on it have shape, dtype and device, and no values;
what is brought back from it is zeros.

torch's FakeTensorMode refuses what a GPU would refuse, operands on two devices; and what waits for values it cannot
give: `.item()`, `if tensor:`, indexing by a mask. Tensors on the CPU stay real, as they do in a run.
"""

from __future__ import annotations

from collections.abc import Iterator
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


class Card(TorchDispatchMode):
    """While it is active, `cuda` is there; `steady` refuses copies that the program would wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeTensorMode(allow_non_fake_inputs=True)
        with self.fake:  # which replaces what would ask a driver about its devices
            pass
        self.steady = False
        self.sent = 0  # copies to the card, by which a test knows that it was used at all
        self.read = 0  # values that were asked for; each is 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        device = kwargs.get("device")
        leaves = tree_leaves((args, kwargs))
        there = [leaf for leaf in leaves if isinstance(leaf, FakeTensor)]
        if not there and (device is None or torch.device(device).type != "cuda"):
            return func(*args, **kwargs)
        if func is torch.ops.aten._local_scalar_dense.default and args[0].is_cuda:
            if self.steady:
                raise Waits("the value of a tensor on the GPU")
            self.read += 1
            return 0
        if func is torch.ops.aten._to_copy.default and device is not None:
            source, target = args[0].device.type, torch.device(device).type
            if source != target:
                self.sent += target == "cuda"
                if self.steady and not kwargs.get("non_blocking"):
                    raise Waits(f"a copy of {list(args[0].shape)} from {source} to {target}")
                if source == "cuda":
                    return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        with self.fake:
            return func(*args, **kwargs)

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
                there = nn.Parameter(parameter.detach().to(device), requires_grad=parameter.requires_grad)
                module._parameters[name] = there
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = buffer.to(device)
    return net


plain_to = nn.Module.to


@contextmanager
def pretend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    """A machine with one GPU that computes nothing."""
    with monkeypatch.context() as patch, Card() as card:
        patch.setattr(nn.Module, "to", moved)
        patch.setattr(Tensor, "pin_memory", lambda tensor: tensor)
        patch.setattr(torch.cuda, "_lazy_init", lambda: None)  # it would look for a driver
        patch.setattr(torch.backends.cudnn, "enabled", False)  # its LSTM would ask the driver
        patch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)  # else no autocast
        patch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)
        constants.cache_clear()  # nothing of the pretended GPU is kept, nor given to it
        yield card
        constants.cache_clear()
