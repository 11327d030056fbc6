"""Forwards of an extractor over batches: a few at a time on the cores, one after the other on a GPU.

On a CPU each forward computes in one thread, so its sums are the same however many run side by side.
"""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from threading import BoundedSemaphore
from typing import Any

import numpy as np

from pipeline import progress
from pipeline.errors import LaffError
from pipeline.extraction.batch_size import BatchSizes
from pipeline.extraction.provenance import resolved
from pipeline.extraction.target import Target
from pipeline.workers.worker import Worker


class Lanes:
    """Threads in which forwards run; a further batch may wait, which bounds the memory."""

    def __init__(self, count: int) -> None:
        self._free = BoundedSemaphore(count + 1)
        self._threads = ThreadPoolExecutor(count, "forward", initializer=_one_thread)

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Let `work` run soon; waits while too much is on its way."""

        def run() -> Any:
            try:
                return work()
            finally:
                self._free.release()

        self._free.acquire()
        return self._threads.submit(run)

    def close(self) -> None:
        """Wait for the forwards under way."""
        self._threads.shutdown(cancel_futures=True)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


class Forward:
    """Fills batches of one feature, runs them, and keeps the rows in the order of videos."""

    def __init__(self, target: Target, size: int, lanes: Lanes, worker: Worker) -> None:
        """For `size` videos, each of which is to be added."""
        self.target = target
        self.part = target.loaded(worker)
        self.level = getattr(self.part, "level", "video")
        self.counted = bool(getattr(self.part, "counted", False))  # whether extract takes how many frames are own
        sampling = self.part.sampling
        if self.level == "frame" and sampling.crops > 1:
            raise LaffError(f"{target.stage}: level frame has one row a frame; crops is {sampling.crops}, make it 1")
        # [D], or at frame level [M*T, D]: of one video
        self.shape = (*([sampling.views * sampling.frames] if self.level == "frame" else []), self.part.dim)
        self.device = target.device
        self.lanes = lanes
        self.full = self._full(worker.kept(BatchSizes))  # videos whose frames are computed together
        self.batch = self.full  # halved when a GPU's memory is too small for it
        self.size, self.left = size, size
        self.slots: list[tuple[np.ndarray, int] | None] = []  # frames, and how many are the video's own
        self.present: list[int] = []  # frames of their own, of each video that was added with frames
        self.running: deque[Future[tuple[np.ndarray, float]]] = deque()
        self.kept: np.ndarray | None = None  # [size, *shape], allocated when the first values show their dtype
        self.count = 0  # rows of it that are filled
        self.seconds = 0.0  # in forwards, those side by side all counted

    def add(self, frames: np.ndarray | None, present: int = 0) -> None:
        """One video's frames [M, T, crop, crop, 3], of which `present` are its own, or None for an empty slot."""
        self.slots.append(None if frames is None else (frames, present))
        if frames is not None:
            self.present.append(present)
        self.left -= 1
        if len(self.slots) == self.full or not self.left:
            slots, self.slots = self.slots, []
            if any(slots):
                self.running.append(self.lanes.submit(lambda: self._values(slots)))
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

    def _values(self, slots: list[tuple[np.ndarray, int] | None]) -> tuple[np.ndarray, float]:
        """Rows of the slots that are filled, and the seconds it took; in a thread of the lanes."""
        start = time.perf_counter()
        filled = [slot is not None for slot in slots]
        empty = np.zeros_like(next(slot[0] for slot in slots if slot is not None))
        frames, present = zip(*((empty, 0) if slot is None else slot for slot in slots), strict=True)
        values = self._forward(np.stack(frames), np.array(present, np.int64))
        if values.shape != (len(slots), *self.shape):
            raise LaffError(
                f"{self.target.stage}: extract gave {list(values.shape)} for {len(slots)} videos; "
                f"dim and level say {[len(slots), *self.shape]}"
            )
        if values.dtype.kind == "f":
            with np.errstate(over="ignore"):  # what float16 cannot hold is told when the shard is written
                values = values.astype(self.target.dtype)
        return values[filled], time.perf_counter() - start

    def _forward(self, batch: np.ndarray, present: np.ndarray) -> np.ndarray:
        """[B, M, T, H, W, 3] -> [B, *shape]; in smaller and smaller pieces while a GPU has too little memory."""
        import torch

        done: list[np.ndarray] = []
        at = 0
        while at < len(batch):
            piece = batch[at : at + self.batch]
            trouble = ""
            try:
                done.append(self._extract(piece, present[at : at + self.batch]))
                at += len(piece)
            except torch.OutOfMemoryError as error:
                trouble = str(error).partition(".")[0]
            except ValueError as error:
                raise LaffError(f"{self.target.stage}: {error}") from None
            except Exception as error:  # a mistake in an extractor's code keeps its traceback
                error.add_note(f"in stage '{self.target.stage}', {type(self.part).__name__}.extract")
                raise
            if trouble:  # out here nothing holds on to what the forward had allocated
                self._halve(len(piece), trouble)
        return np.concatenate(done)

    def _full(self, sizes: BatchSizes) -> int:
        if self.target.batch != "auto":
            return self.target.batch
        known = f"{self.target.stage}:{self.target.fingerprint}"
        return sizes.videos(known, self.device, self.part.sampling, self._extract)

    def _extract(self, batch: np.ndarray, present: np.ndarray | None = None) -> np.ndarray:
        import torch

        told = [] if present is None or not self.counted else [torch.from_numpy(present).to(self.device)]
        with autocast(self.device, self.target.precision):
            values: Any = self.part.extract(torch.from_numpy(batch).to(self.device), *told)
        array: np.ndarray = (values.float() if values.is_floating_point() else values).cpu().numpy()
        return array

    def _halve(self, size: int, trouble: str) -> None:
        """Go on with half of a batch that was too large; LaffError where it was a single video."""
        import torch

        if self.batch == 1:
            raise LaffError(
                f"{self.target.stage}: one video alone needs more memory than {self.device} has free ({trouble}); "
                "take fewer frames or clips, or `on: cpu`"
            )
        self.batch = -(-min(self.batch, size) // 2)
        torch.cuda.empty_cache()
        progress.say(f"{self.target.stage}: out of memory on {self.device}; going on with batch {self.batch}")


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """Arithmetic of a forward in this precision; weights and what needs the range stay in float32."""
    import torch

    name = resolved(device, precision)
    if device == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # float32 is to mean float32; convolutions would take 10 bits of it
    return nullcontext() if name == "float32" else torch.autocast(device, dtype=getattr(torch, name))
