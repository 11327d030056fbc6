"""One pass over the videos of a shard: each is decoded once for every feature that is to be made.

Decoder processes run ahead of the models by a bounded number of videos, into the next shard too; batches form in the
shard's order with a fixed size, and a failed video's slot is left zero, so that what one video gives does not hang on
how the others fared.
Imports no torch at the top: the decoder processes import this module.
"""

import atexit
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from extractors.base import Sampling
from pipeline import progress
from pipeline.errors import LaffError
from pipeline.extraction.forward import Forward, Lanes
from pipeline.extraction.target import Made, Target, attributes
from pipeline.rows import shards
from pipeline.store import ledger
from pipeline.video import reading
from pipeline.workers import malloc
from pipeline.workers.killable import Killable, Lost

AHEAD = 16  # decoded videos at most that wait for the models, per decoder process; the longer, the less one long video
QUEUE = 1 << 30  # holds up; and about their bytes at most, those of a shard that is begun early aside


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
class Pass:
    """The work of one dask task: the videos of a shard."""

    clips: list[Clip]
    targets: list[Target]
    threads: int  # forwards side by side, on a CPU
    timeout: float  # seconds that decoding one video may take
    memory: float  # GiB that decoding one video may take
    following: "Pass | None" = None  # what this process does next, if it is known: the decoders begin with it

    @property
    def gpu(self) -> bool:
        """Whether it must run where a GPU is."""
        return any(target.on == "gpu" for target in self.targets)


_pool: Killable | None = None
_pool_exit = ExitStack()
_begun: tuple[Pass, Iterator[Any]] | None = None  # a pass whose first videos are being decoded already


def decoders(timeout: float, memory: float) -> Killable:
    """This process's decoder processes, started once and kept: one for each core that it may use.

    LAFF_DECODERS says another number. Results don't depend on it. The limits hold for what is begun from now on.
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


def read(job: tuple[str, Sequence[Sampling], int, str, float]) -> reading.Frames:
    """Runs in a decoder process."""
    path, samplings, packets, decoder, fps = job
    return reading.read(Path(path), samplings, packets, decoder, fps)


def ahead(work: Pass) -> int:
    """How many videos of a pass are on their way at a time: at least one more than there are decoders."""
    video_bytes = sum(s.views * s.frames * s.crop**2 * 3 for s in (target.part.sampling for target in work.targets))
    return max(processes() + 1, min(AHEAD * processes(), QUEUE // video_bytes))


def begin(work: Pass) -> Iterator[reading.Frames | Lost]:
    """Let the decoders start on a pass -> what they give for each clip that is not known to be lost, in order."""
    global _begun
    if _begun is not None and _begun[0] is work:
        _, results = _begun
        _begun = None
        return results
    samplings = [target.part.sampling for target in work.targets]
    wanted = [(clip.path, samplings, clip.packets, clip.decoder, clip.fps) for clip in work.clips if not clip.lost]
    return decoders(work.timeout, work.memory).imap(read, wanted, ahead(work))


def decoded(work: Pass) -> Iterator[reading.Frames | Lost | None]:
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


def sweep(work: Pass) -> list[Made]:
    """Decode the clips once, extract every target, write its shard. Runs in any process; returns only small facts."""
    import torch

    malloc.keep()
    torch.set_num_threads(1)  # what a part computes while it loads should not hang on the cores there are, either
    lanes = Lanes(1 if any(target.device == "cuda" for target in work.targets) else work.threads)
    try:
        forwards = [Forward(target, len(work.clips), lanes) for target in work.targets]
        good: list[str] = []
        failed: list[tuple[Clip, str, str]] = []
        start = time.perf_counter()
        for clip, frames in zip(work.clips, decoded(work), strict=True):
            if isinstance(frames, reading.Frames):
                good.append(clip.id)
            elif frames is not None:
                failed.append((clip, frames.reason, frames.exception))
            for number, forward in enumerate(forwards):
                if isinstance(frames, reading.Frames):
                    forward.add(frames.arrays[number], frames.present[number])
                else:
                    forward.add(None)
            progress.advance()
        rows = [forward.rows() for forward in forwards]
    finally:
        lanes.close()
    wall = time.perf_counter() - start
    computing = sum(forward.seconds for forward in forwards) or 1.0
    made = []
    for forward, values in zip(forwards, rows, strict=True):
        target = forward.target
        lines = [ledger.line(clip.id, target.stage, reason, kind, clip.decoder) for clip, reason, kind in failed]
        made.append(_write(forward, good, values, lines, wall * forward.seconds / computing))
    return made


def _write(forward: Forward, ids: list[str], values: np.ndarray, failed: list[dict[str, str]], seconds: float) -> Made:
    target = forward.target
    finite = np.ones(len(values), bool)
    if values.dtype.kind == "f":
        finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    for row in np.flatnonzero(~finite):
        reason = f"the features hold values that are not finite {target.dtype}"
        failed.append(ledger.line(ids[row], target.stage, reason, "NotFinite"))
    values = values if finite.all() else values[finite]
    kept = [id_ for id_, good in zip(ids, finite, strict=True) if good]
    frames = np.array(forward.present, np.int32)[finite] if forward.level == "frame" else None
    shards.write(target.path, kept, values, attributes(target, forward.part), failed, frames=frames)
    return Made(target.stage, target.key, len(kept), seconds, failed)
