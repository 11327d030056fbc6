"""decode: probe every video in a process that can be killed; videos that cannot be read go to the ledger.

Its `decoder` says which library later reads the frames. The probe itself always uses PyAV, so another decoder makes
no probe stale.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import progress
from pipeline.errors import LaffError
from pipeline.extraction.decoding import Clip, Decoders, Job, bounds
from pipeline.extraction.provenance import attributes
from pipeline.extraction.target import Target
from pipeline.graph.graph import Stage
from pipeline.graph.options import DecodeOptions
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import record
from pipeline.plan.units import Unit
from pipeline.plan.units import shards as shards_of
from pipeline.rows import shards
from pipeline.store import ledger
from pipeline.video import reading
from pipeline.video.expected import NOTED, advice, frames_in_words
from pipeline.video.timeline import JUMPS
from pipeline.workers.killable import Lost
from pipeline.workers.tasks import Made
from pipeline.workers.worker import Worker

COLUMNS = (
    *("packets", "expected", "expected_by", "seconds", "fps"),
    *("width", "height", "rotation", "codec", "container", "note"),
)


@dataclass(frozen=True)
class Options(DecodeOptions):
    """Parameters of the step."""

    HELP = "Look at every video; what cannot be read goes to the failures."
    SINGLE = True
    DECODES = True
    LOSES = True
    MAKES = ("{shard}",)
    HOW = ("timeout", "memory", "decoder")
    SHAPED_BY = ("pipeline.video", "pipeline.rows.shards")  # extraction only gives it the decoder processes

    def __post_init__(self) -> None:
        if not 0 <= self.least <= 1:
            raise LaffError(f"least is {self.least}; it is a part of the expected frames, from 0 to 1")
        if self.timeout <= 0 or self.memory <= 0:
            raise LaffError(f"timeout is {self.timeout} and memory {self.memory}; both should be above 0")


def units(context: Context, stage: Stage) -> list[Unit]:
    """One shard for each of the collection's shards of videos."""
    return list(shards_of(context, stage, "video"))


@dataclass
class Look:
    """The work of one dask task: the videos of a shard."""

    clips: list[Clip]
    target: Target
    timeout: float  # seconds
    memory: float  # GiB
    least: float  # part of the expected frames


def run(context: Context, planned: Planned) -> None:
    """Probe the videos of the shards that are missing or stale."""
    with progress.bar(planned.stage, _count(context, planned), context.catalog.unit) as bar:
        for shard in context.tasks.each(look, _jobs(context, planned), bar):
            record(context, planned, shard)


def _count(context: Context, planned: Planned) -> int:
    """The number of videos in the shards to make."""
    shards_ = context.catalog.shards("video")
    return sum(len(shards_[unit.shard]) for unit in planned.todo)


def _jobs(context: Context, planned: Planned) -> Iterator[Look]:
    """One task for each shard to make."""
    stage, catalog = context.stage(planned.stage), context.catalog
    options = stage.options_as(Options)
    for unit in planned.todo:
        path = (context.work.folder(stage.name) / unit.key).absolute()
        target = Target(
            stage.name, unit.key, path, None, unit.fingerprint, unit.content, unit.recipe, "cpu", 1, "int64"
        )
        videos = catalog.shards("video")[unit.shard]
        clips = [
            Clip(
                catalog.videos[row],
                str(Path(catalog.paths[row]).absolute()),
                start=float(catalog.starts[row]),
                end=float(catalog.ends[row]),
            )
            for row in videos
        ]
        yield Look(clips, target, options.timeout, options.memory, options.least)


def look(work: Look, worker: Worker) -> Made:
    """Probe each clip and write the shard; runs in any process."""
    start = time.perf_counter()
    readable: list[tuple[Clip, reading.Probe]] = []
    failed, notes = [], []
    for clip, probe in _probes(work, worker):
        if isinstance(probe, Lost):
            failed.append(ledger.line(clip.id, work.target.stage, probe.reason, probe.exception, "probe"))
        elif probe.packets < (needed := math.ceil(work.least * probe.expected)):
            reason = f"too little is there: {_frames_in_words(probe)}; {advice(needed)}"
            failed.append(ledger.line(clip.id, work.target.stage, reason, "Incomplete", "probe"))
        else:
            if probe.packets < NOTED * probe.expected:
                text = f"used, but the file lacks frames: there are {_frames_in_words(probe)}"
                notes.append(ledger.line(clip.id, work.target.stage, text, decoder="probe"))
            if probe.jumps:
                notes.append(ledger.line(clip.id, work.target.stage, f"used, but {JUMPS}", ledger.JUMPS, "probe"))
            if probe.short:
                notes.append(ledger.line(clip.id, work.target.stage, probe.short, ledger.SHORT, "probe"))
            readable.append((clip, probe))
        worker.advance()
    probes = [probe for _, probe in readable]
    # An HDF5 array of bytes can't hold zeros at an item's end, so the thumbnails lie packed one behind the other.
    sizes = np.cumsum([0, *(len(probe.thumbnail) for probe in probes)])
    extra: dict[str, Any] = {
        "thumbnails": np.frombuffer(b"".join(probe.thumbnail for probe in probes), np.uint8),
        "thumbnail_starts": sizes.astype(np.int64),
    }
    for name in COLUMNS:
        column = [getattr(probe, name) for probe in probes]
        extra[name] = np.array(column, dtype="S" if column and isinstance(column[0], str) else None)
    extra |= bounds([clip for clip, _ in readable])
    ids = [clip.id for clip, _ in readable]
    values = np.array([probe.packets for probe in probes], np.int64).reshape(-1, 1)
    about, order = attributes(work.target, None), [clip.id for clip in work.clips]
    shards.write(work.target.path, ids, values, about, failed, extra, notes=notes, order=order)
    return Made(work.target.stage, work.target.key, len(ids), time.perf_counter() - start, failed, notes=notes)


def _probes(work: Look, worker: Worker) -> Iterator[tuple[Clip, reading.Probe | Lost]]:
    """The probe of each clip, in order; windows of one file that follow each other share one look at it."""
    decoders = worker.kept(Decoders)
    pool = decoders.pool(work.timeout, work.memory)
    jobs: list[Job] = []
    for (_, is_whole), group in groupby(work.clips, key=lambda clip: (clip.path, clip.whole)):
        clips = list(group)
        jobs += [Job([clip]) for clip in clips] if is_whole else [Job(clips)]
    for job, results in zip(jobs, pool.imap(probe, jobs, 8 * decoders.count, lambda job: job.longer), strict=True):
        yield from zip(job.clips, decoders.served(probe, job, results, (work.timeout, work.memory)), strict=True)


def probe(job: Job) -> list[reading.Probe | Lost]:
    """The probes of a video, or of windows of one video; runs in a decoder process."""
    path = Path(job.clips[0].path)
    if job.clips[0].whole:
        return [reading.probe(path)]
    results = reading.probe_windows(path, [(clip.start, clip.end) for clip in job.clips])
    return [Lost(result, reading.VideoError.__name__) if isinstance(result, str) else result for result in results]


def _frames_in_words(probe: reading.Probe) -> str:
    """Words for the frames that are there and those that were expected."""
    return frames_in_words(probe.packets, probe.expected, probe.expected_by)
