"""A warning where bfloat16 makes a training slower: on processors that have no such products."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipeline import progress

if TYPE_CHECKING:
    import torch

LEAST = 1.1  # where a product gains less than this, casting the weights costs more than it


class Warnings:
    """Warnings of one worker: each kind of device is measured once, and warned of once."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    def warn(self, precision: str, device: str) -> None:
        """Warn, in one line, where training with this precision on this kind of device is slower than with float32."""
        if precision != "bfloat16" or device in self._asked:
            return
        self._asked.add(device)
        if (gain := speedup(device)) < LEAST:
            progress.say(
                f"WARNING: bfloat16 on this {device}: a matrix product takes {1 / gain:.1f} times as long as with "
                "float32, and the training will be slower. Stop it and set precision: float32 (that trains another "
                "model), or use a processor with avx512_bf16 or amx_bf16, or a GPU"
            )


def speedup(device: str) -> float:
    """Speed of a product of a training's size with bfloat16, in multiples of that with float32, on a CPU or GPU."""
    import torch

    if device.startswith("cuda"):  # a GPU without such products emulates them
        return 2.0 if torch.cuda.is_bf16_supported(including_emulation=False) else 0.5
    return seconds(torch.float32) / seconds(torch.bfloat16)


def seconds(dtype: torch.dtype) -> float:
    """CPU time of a product, a batch with a layer's weights, the best of five: other processes disturb it little."""
    import torch

    batch, weight = torch.ones(64, 1024, dtype=dtype), torch.ones(1024, 1024, dtype=dtype)
    times = []
    for _ in range(5):
        start = time.thread_time()
        torch.mm(batch, weight)
        times.append(time.thread_time() - start)
    return min(times)
