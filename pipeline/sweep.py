"""One pass over the videos of a shard: each is decoded once for every feature that is to be made.

Decoder processes run ahead of the models by a bounded number of videos, into the next shard too; batches form in the
shard's order with a fixed size, and a failed video's slot is left zero, so that what one video gives does not hang on
how the others fared.
Imports no torch at the top: the decoder processes import this module.
"""

import atexit
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from extractors.base import Sampling
from pipeline import ledger, progress, shards, video
from pipeline.errors import LaffError
from pipeline.killable import Killable, Lost

AHEAD = 16  # decoded videos at most that wait for the models, per decoder process; the longer, the less one long video
QUEUE = 1 << 30  # holds up; and their bytes at most, all together


@dataclass(frozen=True)
class Clip:
    """A video as the pass needs it; `lost` ones are known to be unreadable and only keep their slot."""

    id: str
    path: str
    packets: int = 0
    decoder: str = "pyav"
    fps: float = 0.0
    lost: bool = False


@dataclass
class Target:
    """One feature of a pass and the shard that it writes."""

    stage: str
    key: str
    path: Path
    part: Any  # an extractor, not loaded yet: cheap to send to another process
    fingerprint: str
    content: str
    recipe: dict[str, Any]
    on: str  # auto, gpu, cpu: resolved where the work is done
    batch: int
    dtype: str
    precision: str = "float32"  # of the arithmetic; auto is float16 on a GPU
    weights: Path | None = None
    state: Path | None = None
    learned: str = ""  # tells two fits of one configuration apart, in a process that keeps loaded parts

    @property
    def device(self) -> str:
        """cuda or cpu, on this machine."""
        from pipeline.build import device

        return device(self.stage, self.on)

    def loaded(self) -> Any:
        """The part, ready to work; loaded once per process."""
        from pipeline.build import ready

        known = f"{self.stage}:{self.fingerprint}:{self.learned}:{self.device}"
        for path in (self.weights, self.state):
            if path is not None and not path.is_file():
                raise LaffError(f"{self.stage}: {path} is not there, seen from {socket.gethostname()}")
        return ready(known, self.part, self.device, self.weights, self.state)


@dataclass
class Pass:
    """The work of one dask task: the videos of a shard."""

    clips: list[Clip]
    targets: list[Target]
    threads: int  # of the models
    timeout: float  # seconds that decoding one video may take
    memory: float  # GiB that decoding one video may take
    following: "Pass | None" = None  # what this process does next, if it is known: the decoders begin with it

    @property
    def gpu(self) -> bool:
        """Whether it must run where a GPU is."""
        return any(target.on == "gpu" for target in self.targets)


@dataclass
class Made:
    """What a task reports: a finished shard."""

    stage: str
    key: str
    rows: int
    seconds: float
    failed: list[dict[str, str]] = field(default_factory=list)


_pool: Killable | None = None
_pool_exit = ExitStack()
_begun: tuple[Pass, Iterator[Any]] | None = None  # a pass whose first videos are being decoded already


def decoders(timeout: float, memory: float) -> Killable:
    """This process's decoder processes, started once and kept: one for each core that it may use.

    LAFF_DECODERS says another number. Results don't depend on it. The limits hold from now on.
    """
    global _pool
    if _pool is None:
        _pool = _pool_exit.enter_context(Killable(processes(), timeout, memory))
        atexit.register(close)
    _pool.timeout, _pool.memory = timeout, memory
    return _pool


def processes() -> int:
    """How many decoder processes this process has."""
    given = os.environ.get("LAFF_DECODERS", "")
    if given and not (given.isdecimal() and int(given)):
        raise LaffError(f"LAFF_DECODERS is {given!r}; it should be a number of processes, at least 1")
    return int(given) if given else len(os.sched_getaffinity(0))


def close() -> None:
    """End the decoder processes."""
    global _pool, _begun
    _pool_exit.close()
    _pool, _begun = None, None


def read(job: tuple[str, Sequence[Sampling], int, str, float]) -> video.Frames:
    """Runs in a decoder process."""
    path, samplings, packets, decoder, fps = job
    return video.read(Path(path), samplings, packets, decoder, fps)


def ahead(work: Pass) -> int:
    """How many videos of a pass are on their way at a time: at least one more than there are decoders."""
    video_bytes = sum(s.clips * s.frames * s.crop**2 * 3 for s in (target.part.sampling for target in work.targets))
    return max(processes() + 1, min(AHEAD * processes(), QUEUE // video_bytes))


def begin(work: Pass) -> Iterator[video.Frames | Lost]:
    """Let the decoders start on a pass -> what they give for each clip that is not known to be lost, in order."""
    global _begun
    if _begun is not None and _begun[0] is work:
        _, results = _begun
        _begun = None
        return results
    samplings = [target.part.sampling for target in work.targets]
    wanted = [(clip.path, samplings, clip.packets, clip.decoder, clip.fps) for clip in work.clips if not clip.lost]
    return decoders(work.timeout, work.memory).imap(read, wanted, ahead(work))


def decoded(work: Pass) -> Iterator[video.Frames | Lost | None]:
    """Frames of each clip of a pass in order; None for those known to be lost."""
    global _begun
    results = begin(work)
    last = min(ahead(work), len(work.clips)) // 2  # with so many left the decoders have little to do
    try:
        for left, clip in zip(range(len(work.clips), 0, -1), work.clips, strict=True):
            if work.following is not None and left == max(last, 1):
                _begun = (work.following, begin(work.following))
            yield None if clip.lost else next(results)
    finally:
        results.close()  # type: ignore[attr-defined]


class _Consumer:
    """Fills batches of one feature and keeps its rows."""

    def __init__(self, target: Target, size: int) -> None:
        self.target = target
        self.part = target.loaded()
        self.device = target.device
        self.batch = target.batch  # halved when a GPU's memory is too small for it
        self.slots: list[np.ndarray | None] = []
        self.rows: np.ndarray | None = None  # [size, D], allocated when the first values show their dtype
        self.count = 0  # rows that are filled
        self.left = size
        self.seconds = 0.0

    def add(self, frames: np.ndarray | None) -> None:
        """One video's frames [M, T, crop, crop, 3], or None for an empty slot."""
        self.slots.append(frames)
        self.left -= 1
        if len(self.slots) == self.target.batch or not self.left:
            self._extract()

    def _extract(self) -> None:
        good = [frames for frames in self.slots if frames is not None]
        if good:
            start = time.perf_counter()
            batch = np.stack([np.zeros_like(good[0]) if frames is None else frames for frames in self.slots])
            values = self._forward(batch)
            if values.shape != (len(batch), self.part.dim):
                raise LaffError(
                    f"{self.target.stage}: extract gave {list(values.shape)} for {len(batch)} videos; "
                    f"dim says [{len(batch)}, {self.part.dim}]"
                )
            if values.dtype.kind == "f":
                with np.errstate(over="ignore"):  # what float16 cannot hold is told when the shard is written
                    values = values.astype(self.target.dtype)
            if self.rows is None:
                self.rows = np.empty((len(self.slots) + self.left + self.count, self.part.dim), values.dtype)
            kept = values[[frames is not None for frames in self.slots]]
            self.rows[self.count : self.count + len(kept)] = kept
            self.count += len(kept)
            self.seconds += time.perf_counter() - start
        self.slots = []

    def _forward(self, batch: np.ndarray) -> np.ndarray:
        """[B, M, T, H, W, 3] -> [B, D]; in smaller and smaller pieces while a GPU has too little memory."""
        import torch

        done: list[np.ndarray] = []
        at = 0
        while at < len(batch):
            piece = batch[at : at + self.batch]
            try:
                with autocast(self.device, self.target.precision):
                    values = self.part.extract(torch.from_numpy(piece).to(self.device))
                done.append((values.float() if values.is_floating_point() else values).cpu().numpy())
                at += len(piece)
            except torch.OutOfMemoryError as error:
                if self.batch == 1:
                    raise LaffError(
                        f"{self.target.stage}: one video alone needs more memory than {self.device} has free "
                        f"({str(error).partition('.')[0]}); take fewer frames or clips, or `on: cpu`"
                    ) from None
                self.batch = -(-min(self.batch, len(piece)) // 2)
                torch.cuda.empty_cache()
                progress.say(f"{self.target.stage}: out of memory on {self.device}; going on with batch {self.batch}")
            except ValueError as error:
                raise LaffError(f"{self.target.stage}: {error}") from None
            except Exception as error:  # a mistake in an extractor's code keeps its traceback
                error.add_note(f"in stage '{self.target.stage}', {type(self.part).__name__}.extract")
                raise
        return np.concatenate(done)


def resolved(device: str, precision: str) -> str:
    """float32, float16 or bfloat16: what `auto` means on a device."""
    if precision != "auto":
        return precision
    return "float16" if device == "cuda" else "float32"


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """Arithmetic of a forward in this precision; weights and what needs the range stay in float32."""
    import torch

    name = resolved(device, precision)
    return nullcontext() if name == "float32" else torch.autocast(device, dtype=getattr(torch, name))


def sweep(work: Pass) -> list[Made]:
    """Decode the clips once, extract every target, write its shard. Runs in any process; returns only small facts."""
    import torch

    torch.set_num_threads(work.threads)
    consumers = [_Consumer(target, len(work.clips)) for target in work.targets]
    good: list[str] = []
    failed: list[tuple[Clip, str, str]] = []
    start = time.perf_counter()
    for clip, frames in zip(work.clips, decoded(work), strict=True):
        if isinstance(frames, video.Frames):
            good.append(clip.id)
        elif frames is not None:
            failed.append((clip, frames.reason, frames.exception))
        for number, consumer in enumerate(consumers):
            consumer.add(frames.arrays[number] if isinstance(frames, video.Frames) else None)
        progress.advance()
    waited = time.perf_counter() - start - sum(consumer.seconds for consumer in consumers)
    made = []
    for consumer in consumers:
        lines = [
            ledger.line(clip.id, consumer.target.stage, reason, kind, clip.decoder) for clip, reason, kind in failed
        ]
        made.append(_write(consumer, good, lines, consumer.seconds + waited / len(consumers)))
    return made


def _write(consumer: _Consumer, ids: list[str], failed: list[dict[str, str]], seconds: float) -> Made:
    target = consumer.target
    values = (
        np.zeros((0, consumer.part.dim), target.dtype) if consumer.rows is None else consumer.rows[: consumer.count]
    )
    finite = np.isfinite(values).all(axis=1) if values.dtype.kind == "f" else np.ones(len(values), bool)
    for row in np.flatnonzero(~finite):
        reason = f"the features hold values that are not finite {target.dtype}"
        failed.append(ledger.line(ids[row], target.stage, reason, "NotFinite"))
    values = values if finite.all() else values[finite]
    kept = [id_ for id_, good in zip(ids, finite, strict=True) if good]
    shards.write(target.path, kept, values, attributes(target, consumer.part), failed)
    return Made(target.stage, target.key, len(kept), seconds, failed)


def attributes(target: Target, part: Any) -> dict[str, Any]:
    """What a shard says of itself, so that a reader can tell how it came about."""
    from importlib.metadata import version

    about = {
        "fingerprint": target.fingerprint,
        "content": target.content,
        "recipe": json.dumps(target.recipe, sort_keys=True),
        "stage": target.stage,
        "extractor": target.recipe.get("uses") or type(part).__module__ + "." + type(part).__name__,
        "weights": str(target.recipe.get("weights", "")),
        "torch": version("torch"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    sampling = getattr(part, "sampling", None)
    if sampling is not None:
        about["sampling"] = json.dumps(sampling.__dict__)
        about["precision"] = f"{resolved(target.device, target.precision)} on {target.device}"
        about["decoder"] = video.VERSION
    for name in ("mean", "std"):
        if getattr(part, name, None) is not None:
            about[name] = json.dumps(list(getattr(part, name)))
    return about
