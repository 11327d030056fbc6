"""One pass over the videos of a shard: each is decoded once for every feature that is to be made.

Batches form in the shard's order with a fixed size, and a failed video's slot is left zero, so that what one video
gives does not hang on how the others fared.
"""

import numpy as np

from pipeline.build.loaded import Loaded
from pipeline.devices.worker_devices import Devices
from pipeline.extraction.decoding import Decoders, Pass, bounds
from pipeline.extraction.forward import Forward
from pipeline.extraction.provenance import attributes
from pipeline.extraction.stream import Stream
from pipeline.extraction.tally import Tally
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
    for used in (Decoders, Devices, Loaded):  # made before the stream, they are closed after it
        worker.kept(used)
    done = worker.kept(Stream).done(work, worker)
    computing = sum(forward.seconds for forward in done.forwards) or 1.0
    shards_made = []
    for forward, tally, values in zip(done.forwards, done.tallies, done.rows, strict=True):
        seconds = done.seconds * forward.seconds / computing
        shards_made.append(_write(forward, tally, values, seconds, work))
    return shards_made


def _write(forward: Forward, tally: Tally, values: np.ndarray, seconds: float, work: Pass) -> Made:
    target, decoder = forward.target, work.decoder
    failed = [ledger.line(clip.id, target.stage, reason, kind, decoder) for clip, reason, kind in tally.failed]
    notes = [ledger.line(clip.id, target.stage, text, decoder=decoder) for clip, text in tally.notes()]
    finite = np.ones(len(values), bool)
    if values.dtype.kind == "f":
        finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    for row in np.flatnonzero(~finite):
        reason = f"the features hold values that are not finite {target.dtype}"
        failed.append(ledger.line(tally.good[row].id, target.stage, reason, "NotFinite"))
    values = values if finite.all() else values[finite]
    kept = [clip for clip, good in zip(tally.good, finite, strict=True) if good]
    counts: dict[str, np.ndarray] = {
        "decoded": np.array(tally.decoded, np.int32)[finite],
        "expected": np.array([clip.expected for clip in kept], np.int64),  # as a header may claim
    }
    counts |= bounds(kept)
    frames = np.array(forward.present, np.int32)[finite] if forward.level == "frame" else None
    ids, about = [clip.id for clip in kept], attributes(target, forward.part, decoder)
    order = [clip.id for clip in work.clips if not clip.lost]
    shards.write(target.path, ids, values, about, failed, counts, frames, notes, order)
    return Made(target.stage, target.key, len(kept), seconds, failed, notes=notes)
