"""Forwards of an extractor over batches: a few at a time on the cores, one behind the other on a GPU.

On a CPU each forward computes in one thread, so its sums are the same however many run side by side.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.base import member
from pipeline import progress
from pipeline.devices.lanes import Lanes
from pipeline.devices.limits import lacks_memory
from pipeline.devices.worker_devices import Devices
from pipeline.errors import LaffError
from pipeline.extraction.batch import Batch
from pipeline.extraction.batch_size import BatchSizes, most_videos, video_bytes
from pipeline.extraction.provenance import resolved
from pipeline.extraction.target import Target
from pipeline.workers.worker import Worker

if TYPE_CHECKING:
    from torch import Tensor

    from extractors.base import Sampling


class Forward:
    """Fills batches of one feature, runs them, and keeps the rows in the order of videos.

    One batch is being filled, in memory of its device that is used again and again; beside it there are those that the
    lanes hold.
    """

    def __init__(
        self, target: Target, size: int, lanes: Lanes, worker: Worker, company: Sequence[Sampling] = ()
    ) -> None:
        """For `size` videos, each of which is to be added. company: the device's other parts in this pass."""
        self.target = target
        self.part = target.loaded(worker)
        self.level = member(self.part, "level")
        self.counted = bool(member(self.part, "counted"))  # whether extract takes how many frames are own
        sampling = self.part.sampling
        if self.level == "frame" and sampling.crops > 1:
            raise LaffError(f"{target.stage}: level frame has one row a frame; crops is {sampling.crops}, make it 1")
        # [D], or at frame level [M*T, D]: of one video
        self.shape = (*([sampling.views * sampling.frames] if self.level == "frame" else []), self.part.dim)
        self.where = target.device
        self.device = worker.kept(Devices).named(self.where)
        self.lanes = lanes
        self.sizes, self.known = worker.kept(BatchSizes), f"{target.stage}:{target.fingerprint}"
        self.company = company
        self.full = self._full()  # videos of a batch
        self.size, self.left = size, size
        self.video = (sampling.views, sampling.frames, sampling.crop, sampling.crop, 3)  # [M, T, H, W, 3]
        self.batch: Batch | None = None  # that is being filled
        self.present: list[int] = []  # frames of their own, of each video that was added with frames
        self.running: deque[Future[tuple[np.ndarray, float]]] = deque()
        self.kept: np.ndarray | None = None  # [size, *shape], allocated when the first values show their dtype
        self.count = 0  # rows of it that are filled
        self.seconds = 0.0  # in forwards, those side by side all counted

    @property
    def piece(self) -> int:
        """Videos whose frames are computed together: the batch, or less where a GPU's memory was too small for it."""
        return self.sizes.piece(self.known, self.full)

    def add(self, frames: np.ndarray | None, present: int = 0) -> None:
        """One video's frames [M, T, crop, crop, 3], of which `present` are its own, or None for an empty slot.

        Waits while the lanes have enough to do.
        """
        if self.batch is None:
            self.batch = Batch(self.device.take(min(self.full, self.size), self.video))
        batch = self.batch
        batch.add(frames, present)
        if frames is not None:
            self.present.append(present)
        self.left -= 1
        if len(batch) == self.full or not self.left:
            self.batch = None
            if any(batch.filled):
                self.running.append(self.lanes.submit(lambda: self._values(batch)))
            else:
                self.device.give(batch.buffer)
            while self.running and self.running[0].done():
                self._keep(*self.running.popleft().result())

    def rows(self) -> np.ndarray:
        """Values [V, *shape] of all videos that were added with frames, as soon as they are there.

        At frame level the rows of frames that a video lacks are zero, or what a part gives them that is told of them.
        """
        while self.running:
            self._keep(*self.running.popleft().result())
        if self.kept is None:
            return np.zeros((0, *self.shape), self.target.dtype)
        if self.level == "frame" and not self.counted:
            for values, present in zip(self.kept, self.present, strict=False):
                values[present:] = 0
        return self.kept[: self.count]

    def _keep(self, values: np.ndarray, seconds: float) -> None:
        self.seconds += seconds
        if self.kept is None:
            self.kept = np.empty((self.size, *self.shape), values.dtype)
        self.kept[self.count : self.count + len(values)] = values
        self.count += len(values)

    def _values(self, batch: Batch) -> tuple[np.ndarray, float]:
        """Values of the filled slots, and the seconds that took. Runs in a thread of the lanes."""
        with self.device.begin_lock():
            start = time.perf_counter()
            pieces = self._begin(batch)
        if early := self.device.copies_done():
            self.device.give(batch.buffer)
        with self._telling():
            values = np.concatenate([wait() for wait in pieces])
        seconds = self.device.computed(start)
        if values.shape != (len(batch), *self.shape):
            raise LaffError(
                f"{self.target.stage}: extract gave {list(values.shape)} for {len(batch)} videos; "
                f"dim and level say {[len(batch), *self.shape]}"
            )
        if values.dtype.kind == "f":
            with np.errstate(over="ignore"):  # what float16 cannot hold is told when the shard is written
                values = values.astype(self.target.dtype)
        rows = values[batch.filled]
        if not early:
            self.device.give(batch.buffer)
        return rows, seconds

    def _begin(self, batch: Batch) -> list[Callable[[], np.ndarray]]:
        """Start a batch, in pieces where memory is too small. Returns functions that wait for a piece's values."""
        begun: list[Callable[[], np.ndarray]] = []
        at = 0
        while at < len(batch):
            piece = batch.frames[at : at + self.piece]
            trouble = ""
            try:
                with self._telling():
                    begun.append(self._extract(piece, batch.present[at : at + len(piece)]))
                at += len(piece)
            except RuntimeError as error:
                if not lacks_memory(error):
                    raise
                trouble = str(error).partition(".")[0]
            if trouble:  # out here nothing holds on to what the forward had allocated
                self._halve(len(piece), trouble)
        return begun

    def _extract(self, frames: Tensor, present: Sequence[int] | None = None) -> Callable[[], np.ndarray]:
        """Start a forward of frames [b, M, T, H, W, 3] uint8. Returns a function that waits for values [b, *shape]."""
        import torch

        counts = [self.device.send(torch.tensor(present))] if present is not None and self.counted else []
        with autocast(self.where, self.target.precision):
            values: Any = self.part.extract(self.device.send(frames), *counts)
        return self.device.fetch(values.float() if values.is_floating_point() else values)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Name the stage in errors raised inside, except in those about a lack of memory."""
        try:
            yield
        except ValueError as error:
            raise LaffError(f"{self.target.stage}: {error}") from None
        except Exception as error:  # a mistake in an extractor's code keeps its traceback
            if lacks_memory(error):
                raise
            error.add_note(f"in stage '{self.target.stage}', {type(self.part).__name__}.extract")
            raise

    def _full(self) -> int:
        if self.target.batch != "auto":
            return self.target.batch
        return self.sizes.videos(self.known, self.where, self.part.sampling, self._try, self.company)

    def _try(self, frames: np.ndarray) -> None:
        """Run a forward while memory is reserved for a second batch, the largest that any part may copy meanwhile."""
        import torch

        features = 1 + len(self.company)
        others = [most_videos(other, features) * video_bytes(other) for other in self.company]
        with self.device.begin_lock(), self._telling():
            beside = self.device.reserve(max([frames.nbytes, *others]))
            self._extract(torch.from_numpy(frames))()
            del beside

    def _halve(self, size: int, trouble: str) -> None:
        """Go on with half of a batch that was too large; LaffError where it was a single video."""
        if self.piece == 1:
            raise LaffError(
                f"{self.target.stage}: one video alone needs more memory than {self.where} has free "
                f"({trouble}); take fewer frames or clips, or `on: cpu`"
            )
        piece = self.sizes.halved(self.known, min(self.piece, size))
        self.device.relieve()
        progress.say(f"{self.target.stage}: out of memory on {self.where}; going on with batch {piece}")


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """Arithmetic of a forward in this precision; weights and what needs the range stay in float32."""
    import torch

    name = resolved(device, precision)
    if device == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # float32 is to mean float32; convolutions would take 10 bits of it
    return nullcontext() if name == "float32" else torch.autocast(device, dtype=getattr(torch, name))
