"""`batch: auto`: how many videos are computed at once. On a GPU as many as it can take, found by trying."""

import gc
from collections.abc import Callable
from typing import Any

import numpy as np

from extractors.base import Sampling

PLAIN = (
    8  # videos in a forward on a CPU at most, and pixels of a view in all of them: small models gain by fewer calls,
)
PIXELS = 1 << 20  # large ones lose by leaving the caches (X3D-L: four at once take 1.7 times as long as one by one)
MOST = 256  # videos in a forward
BYTES = 1 << 30  # of frames in a batch: they wait in the memory of the machine


class BatchSizes:
    """Batch sizes of parts, each found out once."""

    def __init__(self) -> None:
        self._found: dict[str, int] = {}  # of parts on a GPU

    def videos(self, known: str, device: str, sampling: Sampling, forward: Callable[[np.ndarray], Any]) -> int:
        """Videos in a batch of the part called `known`, whose `forward` takes [B, M, T, H, W, 3] uint8.

        On a GPU sizes are tried with black frames until its memory is full; what others hold of it counts, so the
        same run may find another size (which moves last bits at most).
        """
        if device == "cpu":
            return max(1, min(PLAIN, PIXELS // (sampling.frames * sampling.crop**2)))
        if known not in self._found:
            shape = (sampling.views, sampling.frames, sampling.crop, sampling.crop, 3)
            self._found[known] = largest(lambda size: _fits(forward, (size, *shape)), most_videos(sampling))
        return self._found[known]


def largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest power of two up to `most` that fits, 1 where none does: the forward then says what is wrong."""
    size = 1
    while size * 2 <= most and fits(size * 2):
        size *= 2
    return size


def most_videos(sampling: Sampling) -> int:
    """The largest batch that the machine's own memory should hold."""
    video = sampling.views * sampling.frames * sampling.crop**2 * 3
    return max(1, min(MOST, BYTES // video))


def _fits(forward: Callable[[np.ndarray], Any], shape: tuple[int, ...]) -> bool:
    import torch

    try:
        forward(np.zeros(shape, np.uint8))
        fits = True
    except RuntimeError:  # torch.OutOfMemoryError, or what libraries say when theirs ran out; others come again
        fits = False
    gc.collect()  # the failed forward's tensors hang on its traceback
    torch.cuda.empty_cache()  # so that the next size finds the memory as the first did
    return fits
