"""Passes over clips as `laff run` makes them, by the extractors of profile small with random weights."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline.build import construct
from pipeline.extraction import decoding
from pipeline.extraction.decoding import Clip, Pass
from pipeline.extraction.sweep import sweep
from pipeline.extraction.target import Target
from pipeline.graph import stages
from pipeline.video import reading
from pipeline.workers import waiting
from pipeline.workers.tasks import Serial

ROOT = Path(__file__).resolve().parent.parent
waiting.settle()  # as the command sets it; torch is imported later
FEATURES = ("clip-ft", "x3d", "ircsn", "tf")  # small enough for decoding to matter
SHARD = 64


def threads() -> int:
    """How many a model takes on a CPU, as profile small says."""
    return stages.load(ROOT / "stages.yaml", "small").threads


def targets(names: Sequence[str], folder: Path, shard: int, precision: str = "auto") -> list[Target]:
    """The extractors of profile small, each writing into a folder of its own."""
    graph = stages.load(ROOT / "stages.yaml", "small", (), ())
    shard_targets = []
    for name in names:
        stage = graph.stages[name]
        path = folder / name / f"{shard:05d}.h5"
        part, batch = construct.construct(stage), stage.values["batch"]
        shard_targets.append(
            Target(name, path.name, path, part, "benchmark", "", {}, stage.on, batch, "float32", precision)
        )
    return shard_targets


def passes(clips: Sequence[Clip], names: Sequence[str], folder: Path, threads: int) -> list[Pass]:
    """The clips in shards."""
    parts = [list(clips[at : at + SHARD]) for at in range(0, len(clips), SHARD)]
    return [Pass(part, targets(names, folder, n), threads, 600.0, 4.0) for n, part in enumerate(parts)]


def run(tasks: Serial, jobs: Sequence[Pass]) -> None:
    """Do passes as `laff run` does them."""
    for _ in tasks.each(sweep, jobs):
        pass


def warm(tasks: Serial, clips: Sequence[Clip], names: Sequence[str], folder: Path, threads: int) -> None:
    """A short pass that isn't measured: decoders started, models loaded, files in memory."""
    run(tasks, passes(clips[: 2 * len(os.sched_getaffinity(0))], names, folder, threads))


def read_all(clips: Sequence[Clip], names: Sequence[str], decoder: str = "pyav") -> list[reading.Frames]:
    """The frames that the extractors want, read in this process."""
    samplings = [target.part.sampling for target in targets(names, Path(), 0)]
    results = [result for clip in clips for result in decoding.read(decoding.Job([clip], samplings, decoder))]
    return [result for result in results if isinstance(result, reading.Frames)]


def seconds(work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """How long `work` takes by a clock."""
    start = clock()
    work()
    return clock() - start
