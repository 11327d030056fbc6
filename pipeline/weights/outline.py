"""Networks without memory, of which only names and shapes are asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FILLING = frozenset({"normal_", "uniform_", "erfinv_", "mul_", "add_", "clamp_", "fill_", "zero_"})


@contextmanager
def outline() -> Iterator[None]:
    """What is built inside takes no memory, and nothing goes through the motions of drawing its weights."""
    import torch

    with unfilled(), torch.device("meta"):
        yield


@contextmanager
def unfilled() -> Iterator[None]:
    """Tensors without memory are not filled with numbers, which would take long and give none; others are."""
    from torch.overrides import TorchFunctionMode

    class Unfilled(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, given: Any = (), named: Any = None) -> Any:
            if getattr(function, "__name__", "") in FILLING:
                filled = given[0] if given else (named or {})["tensor"]  # as torch.nn.init calls it
                if filled.is_meta:
                    return filled
            return function(*given, **(named or {}))

    with Unfilled():
        yield
