"""Tensors on their way to a GPU that nothing waits for."""

import torch
from torch import Tensor


def sent(values: Tensor, device: torch.device | str) -> Tensor:
    """A tensor on a device; from a CPU to a GPU by way of pinned memory, so that the CPU goes on meanwhile."""
    if values.is_cpu and torch.device(device).type == "cuda":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)
