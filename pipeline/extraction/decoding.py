"""Frames of the videos of a pass, from decoder processes that run ahead of the models.

They are ahead by a bounded number of videos, into the next shard too. Decoder processes import this module: what
is imported at the top costs each of them, so no torch here.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import LaffError
from pipeline.video import reading
from pipeline.workers.killable import Killable, Lost

if TYPE_CHECKING:
    from extractors.base import Sampling
    from pipeline.extraction.target import Target

AHEAD = 16  # decoded videos at most that wait for the models, per decoder process; the longer, the less one long video
QUEUE = 1 << 30  # holds up; and about their bytes at most, those of a shard that is begun early aside


@dataclass(frozen=True)
class Clip:
    """A video as the pass needs it; `lost` ones are known to be unreadable and only keep their slot."""

    id: str
    path: str
    packets: int = 0
    fps: float = 0.0
    expected: int = 0  # frames that the file should give; 0: not known
    expected_by: str = ""  # who says so
    needed: int = 0  # frames at least that must be decoded, else the video counts as failed
    lost: bool = False


@dataclass
class Pass:
    """The work of one dask task: the videos of a shard."""

    clips: list[Clip]
    targets: list[Target]
    threads: int  # forwards side by side, on a CPU
    timeout: float  # seconds that decoding one video may take
    memory: float  # GiB that decoding one video may take
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
        """The processes; the limits, in seconds and GiB for a video, hold for what is begun from now on."""
        if self._pool is None:
            self._pool = self._exit.enter_context(Killable(self.count, timeout, memory))
        self._pool.timeout, self._pool.memory = timeout, memory
        return self._pool

    def frames(self, work: Pass) -> Generator[reading.Frames | Lost | None, None, None]:
        """Frames of each clip of a pass in order; None for those known to be lost."""
        results = self._begin(work)
        last = min(self.ahead(work), len(work.clips)) // 2  # with so many left the decoders have little to do
        try:
            for left, clip in zip(range(len(work.clips), 0, -1), work.clips, strict=True):
                if work.following is not None and self.begun is None and left <= max(last, 1):
                    self.begun = (work.following, self._begin(work.following))
                yield None if clip.lost else next(results)
        finally:
            results.close()  # type: ignore[attr-defined]

    def ahead(self, work: Pass) -> int:
        """How many videos of a pass are on their way at a time: at least one more than there are decoders."""
        video_bytes = sum(s.views * s.frames * s.crop**2 * 3 for s in (target.part.sampling for target in work.targets))
        return max(self.count + 1, min(AHEAD * self.count, QUEUE // video_bytes))

    def close(self) -> None:
        """End the processes."""
        self._exit.close()
        self._pool, self.begun = None, None

    def _begin(self, work: Pass) -> Iterator[reading.Frames | Lost]:
        """Let the decoders start on a pass -> what they give for each clip that is not known to be lost, in order."""
        if self.begun is not None:
            (begun, results), self.begun = self.begun, None
            if begun is work:
                return results
            results.close()  # type: ignore[attr-defined]  # of a pass that nobody asked for in its turn
        samplings = [target.part.sampling for target in work.targets]
        wanted = [(clip.path, samplings, clip.packets, clip.fps, work.decoder) for clip in work.clips if not clip.lost]
        return self.pool(work.timeout, work.memory).imap(read, wanted, self.ahead(work))


def processes() -> int:
    """How many decoder processes a process is to have."""
    given = os.environ.get("LAFF_DECODERS", "")
    if given and not (given.isdecimal() and int(given)):
        raise LaffError(f"LAFF_DECODERS is {given!r}; it should be a number of processes, at least 1")
    return int(given) if given else len(os.sched_getaffinity(0))


def read(job: tuple[str, Sequence[Sampling], int, float, str]) -> reading.Frames:
    """Runs in a decoder process."""
    path, samplings, packets, fps, decoder = job
    return reading.read(Path(path), samplings, packets, fps, decoder)
