"""Passes of a worker one behind the other, without a gap: while a shard is written, the next is computed."""

from collections import deque
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import perf_counter

import numpy as np

from pipeline.devices.lanes import Lanes, one_thread
from pipeline.devices.worker_devices import Devices
from pipeline.extraction.decoding import Decoders, Pass
from pipeline.extraction.forward import Forward
from pipeline.extraction.tally import Tally
from pipeline.video import reading
from pipeline.workers.worker import Worker

# While the last batch of a shard computes, the next one waits on the device and one more is filled: where shards are of
# a single batch, that is three shards.
PASSES = 3  # under way at a time


@dataclass
class Done:
    """The results of a pass."""

    forwards: list[Forward]  # one a target
    tallies: list[Tally]  # one a target
    rows: list[np.ndarray] = field(default_factory=list)  # of each target [V, *shape], V good videos
    seconds: float = 0.0  # from its first video on


@dataclass
class Begun:
    """A pass under way."""

    work: Pass
    steps: SimpleQueue[int | None] = field(default_factory=SimpleQueue)  # videos that went by; None: that was all
    stopped: bool = False
    fed: Future[Done] = field(default_factory=Future)


class Stream:
    """Feeds frames to forwards in a thread of its own: the pass that is asked for, then those that follow it.

    What it holds is bounded. Of decoded frames: those in the decoders' queue (decoding.AHEAD and QUEUE, and half as
    much again of the pass that follows); the batch that each feature is filling; and the batches in the lanes of a
    device, which are, of all features that it computes together, two on a GPU, on a CPU one for each thread and one
    more. Memory for batches is used again, so each feature keeps at most one batch more than the lanes hold. Of
    rows: those of three shards. Where forwards are slow the thread waits, and the decoders with it.
    """

    def __init__(self) -> None:
        self._begun: deque[Begun] = deque()
        self._thread = ThreadPoolExecutor(1, "stream", initializer=one_thread)
        self._lanes: dict[tuple[str, int], Lanes] = {}  # by device and threads; features on one device share them
        self._decoders: Decoders | None = None

    def done(self, work: Pass, worker: Worker) -> Done:
        """Wait for the results of a pass. Passes known to follow it are begun before it ends.

        What goes wrong in a pass is raised when that pass is asked for, and ends what was begun behind it.
        """
        try:
            while self._begun and self._begun[0].work is not work:
                self._begun.popleft().stopped = True  # nobody asked for it in its turn
            self._begin(work, worker)
            begun = self._begun[0]
            while (count := begun.steps.get()) is not None:
                worker.advance(count)
                self._begin(work, worker)  # the pass that follows may become known late
            result = begun.fed.result()
            start = perf_counter()
            result.rows = [forward.rows() for forward in result.forwards]
            result.seconds += perf_counter() - start
            self._begun.popleft()
            if not self._begun:  # nothing follows
                for target in work.targets:
                    worker.kept(Devices).named(target.device).drop()
            return result
        except BaseException:
            self._stop()
            raise

    def close(self) -> None:
        """End what is under way; no thread is left."""
        self._stop()
        if self._decoders is not None:
            self._decoders.close()  # the thread may be waiting for a video
        self._thread.shutdown(cancel_futures=True)
        if self._decoders is not None:
            self._decoders.close()  # which it may have started meanwhile
        for lanes in self._lanes.values():
            lanes.close()

    def _begin(self, work: Pass, worker: Worker) -> None:
        """Begin a pass and those that follow it, as far as they are known and not begun yet."""
        self._decoders = worker.kept(Decoders)
        following: Pass | None = work
        for _ in range(PASSES):
            if following is None:
                return
            if not any(begun.work is following for begun in self._begun):
                begun = Begun(following)
                self._begun.append(begun)
                begun.fed = self._thread.submit(self._feed, begun, self._decoders, worker)
            following = following.following

    def _stop(self) -> None:
        for begun in self._begun:
            begun.stopped = True
            begun.steps.put(None)  # it may never run, and `done` in another thread waits for it
        self._begun.clear()

    def _feed(self, begun: Begun, decoders: Decoders, worker: Worker) -> Done:
        """Give the frames of all clips of a pass to all forwards. Runs in the stream's thread."""
        work = begun.work
        try:
            if begun.stopped:
                raise CancelledError
            numbers = range(len(work.targets))
            result = Done([self._forward(work, number, worker) for number in numbers], [Tally() for _ in numbers])
            start = perf_counter()
            with closing(decoders.frames(work)) as videos:
                for clip, frames in zip(work.clips, videos, strict=True):
                    if begun.stopped:
                        raise CancelledError
                    for number, (forward, tally) in enumerate(zip(result.forwards, result.tallies, strict=True)):
                        if tally.add(clip, frames, number) and isinstance(frames, reading.Frames):
                            forward.add(frames.arrays[number], frames.present[number])
                        else:
                            forward.add(None)
                    begun.steps.put(1)
            result.seconds = perf_counter() - start
            return result
        finally:
            begun.steps.put(None)

    def _forward(self, work: Pass, number: int, worker: Worker) -> Forward:
        """The forward of one target. All parts are loaded first: they share the memory that limits the batch size."""
        target = work.targets[number]
        samplings = [other.loaded(worker).sampling for other in work.targets]
        others = zip(work.targets, samplings, strict=True)
        company = [sampling for other, sampling in others if other is not target and other.device == target.device]
        device = worker.kept(Devices).named(target.device)
        key = (target.device, work.threads)
        if key not in self._lanes:
            self._lanes[key] = Lanes(*device.lanes(work.threads))
        return Forward(target, len(work.clips), self._lanes[key], worker, company)
