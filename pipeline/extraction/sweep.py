"""One pass over the videos of a shard: each is decoded once for every feature that is to be made.

Batches form in the shard's order with a fixed size, and a failed video's slot is left zero, so that what one video
gives does not hang on how the others fared.
"""

import numpy as np

from pipeline.extraction.decoding import Pass
from pipeline.extraction.forward import Forward
from pipeline.extraction.provenance import attributes
from pipeline.extraction.stream import Stream
from pipeline.rows import shards
from pipeline.store import ledger
from pipeline.workers import malloc
from pipeline.workers.tasks import Made
from pipeline.workers.worker import Worker


def sweep(work: Pass, worker: Worker) -> list[Made]:
    """Decode the clips once, extract every target, write its shard. Runs in any process; returns only small facts.

    Meanwhile the worker goes on with the pass that follows, if it is known: its stream runs in other threads.
    """
    import torch

    malloc.keep()
    torch.set_num_threads(1)
    found = worker.kept(Stream).done(work, worker)
    computing = sum(forward.seconds for forward in found.forwards) or 1.0
    made = []
    for forward, values in zip(found.forwards, found.rows, strict=True):
        stage = forward.target.stage
        lines = [ledger.line(clip.id, stage, reason, kind, clip.decoder) for clip, reason, kind in found.failed]
        made.append(_write(forward, found.good, values, lines, found.seconds * forward.seconds / computing))
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
