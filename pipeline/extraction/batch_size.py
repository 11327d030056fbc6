"""`batch: auto`: how many videos are computed at once. On a GPU as many as it can take, found by trying."""

import gc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from extractors.base import Sampling
from pipeline.devices import resources
from pipeline.devices.limits import too_large

# On a CPU small models gain by fewer calls, and large ones lose by leaving the caches: X3D-L takes 1.7 times as long
# for four videos at once as one by one.
PLAIN = 8  # videos in a forward at most
PIXELS = 1 << 20  # of a view, in all of them
MOST = 256  # videos in a forward
BYTES = 1 << 30  # of frames in a batch: they wait in the memory of the machine
BATCHES = 6  # of a feature that its memory must hold: three, each of up to twice its size in pinned memory


class BatchSizes:
    """Batch sizes of parts, each found out once, and how much of a batch fits where memory has run out."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}  # of parts on a GPU
        self._pieces: dict[str, int] = {}  # of parts whose batches were halved

    def videos(
        self,
        known: str,
        device: str,
        sampling: Sampling,
        forward: Callable[[np.ndarray], Any],
        company: Sequence[Sampling] = (),
    ) -> int:
        """Videos in a batch of the part called `known`, whose `forward` takes [B, M, T, H, W, 3] uint8.

        On a GPU sizes are tried with black frames until its memory is full; what others hold of it counts, so the
        same run may find another size (which moves last bits at most). `company`: the other parts of the pass.
        """
        if device == "cpu":
            return max(1, min(PLAIN, PIXELS // (sampling.frames * sampling.crop**2)))
        if known not in self._sizes:
            shape = (sampling.views, sampling.frames, sampling.crop, sampling.crop, 3)
            most = most_videos(sampling, 1 + len(company))
            self._sizes[known] = largest(lambda size: _fits(forward, (size, *shape)), most)
        return self._sizes[known]

    def piece(self, known: str, full: int) -> int:
        """How many videos of a batch of `full` are computed together."""
        return min(full, self._pieces.get(known, full))

    def halved(self, known: str, size: int) -> int:
        """Half of `size`, which was too large; it is noted as the number of videos computed together from now on."""
        self._pieces[known] = -(-size // 2)
        return self._pieces[known]


def largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest power of two up to `most` that fits; 1 where none does, and the forward then says why."""
    size = 1
    while size * 2 <= most and fits(size * 2):
        size *= 2
    return size


def most_videos(sampling: Sampling, features: int = 1) -> int:
    """The largest batch for which main memory has room when `features` features have batches in it."""
    share = resources.memory() // 2 // (BATCHES * features)
    return max(1, min(MOST, min(BYTES, share) // video_bytes(sampling)))


def video_bytes(sampling: Sampling) -> int:
    """Bytes of the frames of a video."""
    return sampling.views * sampling.frames * sampling.crop**2 * 3


def _fits(forward: Callable[[np.ndarray], Any], shape: tuple[int, ...]) -> bool:
    """Whether a forward of this shape fits into memory. Other errors than a lack of memory are raised."""
    import torch

    fits = True
    try:
        forward(np.zeros(shape, np.uint8))
    except RuntimeError as error:
        if not too_large(error):
            raise
        fits = False
    if not fits:
        gc.collect()  # the failed forward's tensors may hang on its traceback
    torch.cuda.empty_cache()  # so that the next size finds the memory as the first did
    return fits
