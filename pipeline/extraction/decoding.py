"""Frames of the videos of a pass, from decoder processes that run ahead of the models.

They are ahead by a bounded number of videos, into the next shard too. Decoder processes import this module: what
is imported at the top costs each of them, so no torch here.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.devices.resources import cores
from pipeline.errors import LaffError
from pipeline.video import reading, windows
from pipeline.workers.killable import Killable, Lost

if TYPE_CHECKING:
    from extractors.base import Sampling
    from pipeline.extraction.target import Target

AHEAD = 16  # decoded videos at most that wait for the models, per decoder process; the longer, the less one long video
QUEUE = 1 << 30  # holds up; and about their bytes at most, those of a shard that is begun early aside
GROUP = (1 << 26, 1 << 28)  # bytes of frames of windows that are read together: at most between these, as QUEUE allows
HANGING = 8  # windows
LONGEST = 288.0  # times the timeout at most: a day of video, for bounds that nobody can mean
PACE = 300.0  # seconds of video for which `timeout` is enough: windows that are read together have it for each


@dataclass(frozen=True)
class Clip:
    """A video, or a window of one, as the pass needs it; `lost` ones are known to be unreadable and keep their slot."""

    id: str
    path: str
    packets: int = 0  # of the window
    fps: float = 0.0
    expected: int = 0  # frames that the file should give; 0: not known
    expected_by: str = ""  # who says so
    needed: int = 0  # frames at least that must be decoded, else the video counts as failed
    lost: bool = False
    start: float = 0.0  # seconds; of a window, which has the frames that appear from then on
    end: float = math.inf  # until before then

    @property
    def whole(self) -> bool:
        """Whether it is the whole video."""
        return self.start <= 0 and self.end == math.inf


@dataclass(frozen=True)
class Job:
    """What a decoder process is given at a time: a video, or windows of one video that follow each other."""

    clips: list[Clip]
    samplings: list[Sampling] = field(default_factory=list)
    decoder: str = "pyav"

    @property
    def longer(self) -> float:
        """How many times a video's timeout it may take: windows once for each PACE seconds up to the last one's end."""
        if self.clips[0].whole:
            return 1.0
        known = [clip for clip in self.clips if clip.packets and clip.fps]
        ends = [min(clip.end, clip.start + clip.packets / clip.fps) for clip in known] or [
            clip.end if clip.end < math.inf else clip.start for clip in self.clips
        ]
        return min(max(max(ends) / PACE, 1.0), LONGEST)


@dataclass
class Pass:
    """The work of one dask task: the videos of a shard."""

    clips: list[Clip]
    targets: list[Target]
    threads: int  # forwards side by side, on a CPU
    timeout: float  # seconds that decoding one video may take, or PACE seconds of windows
    memory: float  # GiB that decoding one video may take, or the windows that are read together
    decoder: str = "pyav"  # who reads the frames, or decord
    following: Pass | None = None  # what this process does next, if it is known: the decoders begin with it

    @property
    def gpu(self) -> bool:
        """Whether it must run where a GPU is."""
        return any(target.on == "gpu" for target in self.targets)


class Decoders:
    """The decoder processes of a worker, and the pass that they have begun ahead.

    One process for each core that this process may use; LAFF_DECODERS says another number. Results don't depend on it.
    They start when first needed, stay until `close`, and end with this process, however that ends.
    """

    def __init__(self) -> None:
        self.count = processes()
        self.begun: tuple[Pass, Iterator[Any]] | None = None  # a pass whose first videos are being decoded already
        self._pool: Killable | None = None
        self._exit = ExitStack()

    def pool(self, timeout: float, memory: float) -> Killable:
        """The processes, started if need be. Limits, in seconds and GiB a video, hold for jobs begun from now on."""
        if self._pool is None:
            self._pool = self._exit.enter_context(Killable(self.count, timeout, memory))
        self._pool.timeout, self._pool.memory = timeout, memory
        return self._pool

    def frames(self, work: Pass) -> Generator[reading.Frames | Lost | None, None, None]:
        """Frames of each clip of a pass in order; None for those known to be lost."""
        jobs = self.jobs(work)
        results = self._begin(work)
        last = min(self.ahead(work), len(jobs)) // 2  # with so many left the decoders have little to do
        left, ready = len(jobs), deque[reading.Frames | Lost]()
        try:
            for clip in work.clips:
                if work.following is not None and self.begun is None and left <= max(last, 1):
                    self.begun = (work.following, self._begin(work.following))
                if not clip.lost and not ready:
                    ready.extend(self.served(read, jobs[-left], next(results), (work.timeout, work.memory)))
                    left -= 1
                yield None if clip.lost else ready.popleft()
        finally:
            results.close()  # type: ignore[attr-defined]

    def served(
        self, function: Callable[[Job], list[Any]], job: Job, result: list[Any] | Lost, limits: tuple[float, float]
    ) -> list[Any]:
        """What each clip of a job gets; `result` is what `function` gave for the whole job.

        Windows that were lost together are tried one by one, unless it was the file that could not be read at all; up
        to HANGING in a row that take too long: then so would the others.
        """
        if not isinstance(result, Lost):
            return result
        if len(job.clips) == 1 or result.exception == reading.VideoError.__name__:
            return [result] * len(job.clips)
        pool = self.pool(*limits)
        alone = [Job([clip], job.samplings, job.decoder) for clip in job.clips]
        each: list[Any] = []
        with closing(pool.imap(function, alone, longer=lambda one: one.longer)) as results:  # type: ignore[type-var]
            for one in results:
                each.append(one if isinstance(one, Lost) else one[0])
                hung = [isinstance(lost, Lost) and lost.exception == "Timeout" for lost in each[-HANGING:]]
                if hung == [True] * HANGING:
                    break
        return each + each[-1:] * (len(alone) - len(each))

    def jobs(self, work: Pass) -> list[Job]:
        """The jobs of a pass for decoder processes: whole videos, and windows in groups of bounded size."""
        samplings = [target.part.sampling for target in work.targets]
        least, most = GROUP
        size = max(min(QUEUE // (self.count + 1), most), least) // _bytes(samplings)
        jobs: list[Job] = []
        for clip in work.clips:
            if clip.lost:
                continue
            group = jobs[-1].clips if jobs else []
            if group and not (clip.whole or group[0].whole) and clip.path == group[0].path and len(group) < size:
                group.append(clip)
            else:
                jobs.append(Job([clip], samplings, work.decoder))
        return jobs

    def ahead(self, work: Pass) -> int:
        """How many jobs of a pass are on their way at a time: at least one more than there are decoders."""
        jobs = self.jobs(work)
        largest = max((len(job.clips) for job in jobs), default=1)
        size = _bytes([target.part.sampling for target in work.targets]) * largest
        return max(self.count + 1, min(AHEAD * self.count, QUEUE // size))

    def close(self) -> None:
        """End the processes."""
        self._exit.close()
        self._pool, self.begun = None, None

    def _begin(self, work: Pass) -> Iterator[list[reading.Frames | Lost] | Lost]:
        """Let the decoders start on a pass. Yields what they give for each of its jobs, in order."""
        if self.begun is not None:
            (begun, results), self.begun = self.begun, None
            if begun is work:
                return results
            results.close()  # type: ignore[attr-defined]  # of a pass that nobody asked for in its turn
        pool = self.pool(work.timeout, work.memory)
        return pool.imap(read, self.jobs(work), self.ahead(work), lambda job: job.longer)


def _bytes(samplings: Sequence[Sampling]) -> int:
    """Bytes of the frames of a clip."""
    return sum(s.views * s.frames * s.crop**2 * 3 for s in samplings)


def processes() -> int:
    """How many decoder processes each process starts."""
    given = os.environ.get("LAFF_DECODERS", "")
    if given and not (given.isdecimal() and int(given)):
        raise LaffError(f"LAFF_DECODERS is {given!r}; it should be a number of processes, at least 1")
    return int(given) if given else cores()


def read(job: Job) -> list[reading.Frames | Lost]:
    """Read the frames of a job's clips. Runs in a decoder process."""
    clip = job.clips[0]
    if clip.whole:
        return [reading.read(Path(clip.path), job.samplings, clip.packets, clip.fps, job.decoder)]
    bounds = [(one.start, one.end) for one in job.clips]
    results = windows.read(Path(clip.path), job.samplings, bounds, job.decoder)
    return [one if isinstance(one, reading.Frames) else Lost(str(one), type(one).__name__) for one in results]


def bounds(clips: Sequence[Clip]) -> dict[str, np.ndarray]:
    """Columns of a shard that say which part of its video each row is, in seconds; none where all are whole."""
    if all(clip.whole for clip in clips):
        return {}
    return {name: np.array([getattr(clip, name) for clip in clips], np.float64) for name in ("start", "end")}
