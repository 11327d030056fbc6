"""Copies of tensors to a GPU that nothing waits for."""

import torch
from torch import Tensor


def sent(values: Tensor, device: torch.device | str) -> Tensor:
    """A tensor on a device; from a CPU to a GPU it is copied from pinned memory, so that the CPU need not wait."""
    if values.is_cpu and torch.device(device).type == "cuda":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)
