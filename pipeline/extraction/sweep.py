"""One pass over the videos of a shard: each is decoded once for every feature that is to be made.

Batches form in the shard's order with a fixed size, and a failed video's slot is left zero, so that what one video
gives does not hang on how the others fared.
"""

import time

import numpy as np

from pipeline.extraction.decoding import Clip, Decoders, Pass
from pipeline.extraction.forward import Forward, Lanes
from pipeline.extraction.provenance import attributes
from pipeline.rows import shards
from pipeline.store import ledger
from pipeline.video import reading
from pipeline.workers import malloc
from pipeline.workers.tasks import Made
from pipeline.workers.worker import Worker


def sweep(work: Pass, worker: Worker) -> list[Made]:
    """Decode the clips once, extract every target, write its shard. Runs in any process; returns only small facts."""
    import torch

    malloc.keep()
    torch.set_num_threads(1)  # what a part computes while it loads should not hang on the cores there are, either
    decoders = worker.kept(Decoders)
    lanes = Lanes(1 if any(target.device == "cuda" for target in work.targets) else work.threads)
    try:
        forwards = [Forward(target, len(work.clips), lanes, worker) for target in work.targets]
        good: list[str] = []
        failed: list[tuple[Clip, str, str]] = []
        start = time.perf_counter()
        for clip, frames in zip(work.clips, decoders.frames(work), strict=True):
            if isinstance(frames, reading.Frames):
                good.append(clip.id)
            elif frames is not None:
                failed.append((clip, frames.reason, frames.exception))
            for number, forward in enumerate(forwards):
                if isinstance(frames, reading.Frames):
                    forward.add(frames.arrays[number], frames.present[number])
                else:
                    forward.add(None)
            worker.advance()
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
