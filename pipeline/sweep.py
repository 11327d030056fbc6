"""One pass over the videos of a shard: each is decoded once for every feature that is to be made.

Decoder processes run ahead of the models by a bounded number of videos; batches form in the shard's order with a fixed
size, and a failed video's slot is left zero, so that what one video gives does not hang on how the others fared.
Imports no torch at the top: the decoder processes import this module.
"""

import atexit
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from extractors.base import Sampling
from pipeline import ledger, progress, shards, video
from pipeline.errors import LaffError
from pipeline.killable import Killable, Lost

AHEAD = 4  # decoded videos that wait for the models, per decoder process


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
    device: str
    batch: int
    dtype: str
    weights: Path | None = None
    state: Path | None = None
    learned: str = ""  # tells two fits of one configuration apart, in a process that keeps loaded parts

    def loaded(self) -> Any:
        """The part, ready to work; loaded once per process."""
        from pipeline.build import ready

        known = f"{self.stage}:{self.fingerprint}:{self.learned}:{self.device}"
        return ready(known, self.part, self.device, self.weights, self.state)


@dataclass
class Pass:
    """The work of one dask task."""

    clips: list[Clip]
    targets: list[Target]
    threads: int
    timeout: float


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


def decoders(workers: int, timeout: float) -> Killable:
    """This process's decoder processes, started once and kept from shard to shard."""
    global _pool
    if _pool is None or _pool.timeout != timeout:
        _pool_exit.close()
        _pool = _pool_exit.enter_context(Killable(workers, timeout))
        atexit.register(close)
    return _pool


def close() -> None:
    """End the decoder processes."""
    global _pool
    _pool_exit.close()
    _pool = None


def read(job: tuple[str, Sequence[Sampling], int, str, float]) -> video.Frames:
    """Runs in a decoder process."""
    path, samplings, packets, decoder, fps = job
    return video.read(Path(path), samplings, packets, decoder, fps)


def decoded(
    clips: Sequence[Clip], samplings: Sequence[Sampling], threads: int, timeout: float
) -> Iterator[video.Frames | Lost | None]:
    """Frames of each clip in order; None for those known to be lost."""
    wanted = [(clip.path, samplings, clip.packets, clip.decoder, clip.fps) for clip in clips if not clip.lost]
    results = decoders(threads, timeout).imap(read, wanted, ahead=AHEAD * threads)
    try:
        for clip in clips:
            yield None if clip.lost else next(results)
    finally:
        results.close()  # type: ignore[attr-defined]


class _Consumer:
    """Fills batches of one feature and keeps its rows."""

    def __init__(self, target: Target, size: int) -> None:
        self.target = target
        self.part = target.loaded()
        self.slots: list[np.ndarray | None] = []
        self.rows: list[np.ndarray] = []
        self.left = size
        self.seconds = 0.0

    def add(self, frames: np.ndarray | None) -> None:
        """One video's frames [M, T, crop, crop, 3], or None for an empty slot."""
        self.slots.append(frames)
        self.left -= 1
        if len(self.slots) == self.target.batch or not self.left:
            self._extract()

    def _extract(self) -> None:
        import torch

        good = [frames for frames in self.slots if frames is not None]
        if good:
            start = time.perf_counter()
            batch = np.stack([np.zeros_like(good[0]) if frames is None else frames for frames in self.slots])
            try:
                values = self.part.extract(torch.from_numpy(batch).to(self.target.device)).cpu().numpy()
            except ValueError as error:
                raise LaffError(f"{self.target.stage}: {error}") from None
            except Exception as error:  # a mistake in an extractor's code keeps its traceback
                error.add_note(f"in stage '{self.target.stage}', {type(self.part).__name__}.extract")
                raise
            if values.shape != (len(batch), self.part.dim):
                raise LaffError(
                    f"{self.target.stage}: extract gave {list(values.shape)} for {len(batch)} videos; "
                    f"dim says [{len(batch)}, {self.part.dim}]"
                )
            for frames, row in zip(self.slots, values, strict=True):
                if frames is not None:
                    self.rows.append(row)
            self.seconds += time.perf_counter() - start
        self.slots = []


def sweep(work: Pass) -> list[Made]:
    """Decode the clips once, extract every target, write its shard. Runs in any process; returns only small facts."""
    import torch

    torch.set_num_threads(work.threads)
    consumers = [_Consumer(target, len(work.clips)) for target in work.targets]
    samplings = [consumer.part.sampling for consumer in consumers]
    good: list[str] = []
    failed: list[tuple[Clip, str, str]] = []
    start = time.perf_counter()
    for clip, frames in zip(work.clips, decoded(work.clips, samplings, work.threads, work.timeout), strict=True):
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
    values = np.stack(consumer.rows) if consumer.rows else np.zeros((0, consumer.part.dim), np.float32)
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what float16 cannot hold is told below
            values = values.astype(target.dtype)
    finite = np.isfinite(values).all(axis=1) if values.dtype.kind == "f" else np.ones(len(values), bool)
    for row in np.flatnonzero(~finite):
        reason = f"the features hold values that are not finite {target.dtype}"
        failed.append(ledger.line(ids[row], target.stage, reason, "NotFinite"))
    values = values[finite]
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
        about["decoder"] = video.VERSION
    for name in ("mean", "std"):
        if getattr(part, name, None) is not None:
            about[name] = json.dumps(list(getattr(part, name)))
    return about
