"""Networks built without memory for their tensors, to learn names and shapes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FILLING = frozenset({"normal_", "uniform_", "erfinv_", "mul_", "add_", "clamp_", "fill_", "zero_"})


@contextmanager
def outline() -> Iterator[None]:
    """Build networks inside without memory for their tensors, and without drawing random weights."""
    import torch

    with unfilled(), torch.device("meta"):
        yield


@contextmanager
def unfilled() -> Iterator[None]:
    """Skip filling tensors that have no memory, which would take long for nothing; others are filled."""
    from torch.overrides import TorchFunctionMode

    class Unfilled(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if getattr(function, "__name__", "") in FILLING:
                filled = args[0] if args else (kwargs or {})["tensor"]  # as torch.nn.init calls it
                if filled.is_meta:
                    return filled
            return function(*args, **(kwargs or {}))

    with Unfilled():
        yield
