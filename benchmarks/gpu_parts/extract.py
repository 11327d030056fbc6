"""Videos to features as `laff run` makes them: clips a second, and how busy the GPU is meanwhile.

The videos are made here: ten seconds of 1080p, and small ones; a few files serve for many clips.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import clips
from passes import SHARD
from passes import run as through

from gpu_parts import models
from gpu_parts.report import Report
from gpu_parts.table import Aim
from pipeline.extraction.decoding import Clip, Decoders, Pass
from pipeline.workers.tasks import Serial

AIM = 12.0  # clips of 1080p a second with one CLIP feature, on 16 cores
BUSY = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "100"]
FILES = 16  # of each size
ALL = ("clip", "timm", "tf", "x3d", "ircsn")


def run(report: Report) -> None:
    """Make the videos, then pass over them with one feature and with all."""
    begin = time.perf_counter()
    large, small = videos(report)
    report.row("making the videos", time.perf_counter() - begin, "s", note=f"{len(large)} of 1080p, {len(small)} small")
    counts = (2, 8, 2) if report.small else (256, 1024, 32)
    loaded: dict[str, Any] = {}
    tasks = Serial()
    try:
        for what, paths, count, names, aim in (
            ("1080p, clip", large, counts[0], ("clip",), (">=", AIM)),
            ("320x180, clip", small, counts[1], ("clip",), None),
            ("1080p, all five", large, counts[2], ALL, None),
        ):
            if report.left() < (15 if report.gpu else 1):
                report.skipped(what, aim)
                continue
            try:
                measure(report, tasks, what, clips.look(paths, count), names, loaded, aim)
            except Exception as error:
                report.failed(what, error, aim)
    finally:
        tasks.close()


def videos(report: Report) -> tuple[list[Path], list[Path]]:
    """Large and small ones; each process makes one at a time."""
    cores = len(os.sched_getaffinity(0))
    kinds = [(1920, 1080, 30 if report.small else 300), (320, 180, 105)]
    count = 2 if report.small else FILES
    made = []
    with ProcessPoolExecutor(cores) as pool:
        for kind in kinds:
            made.append(list(pool.map(partial(_one, report.work / "clips", kind), range(count))))
    return made[0], made[1]


def _one(folder: Path, kind: tuple[int, int, int], number: int) -> Path:
    return clips.make_clips(folder, 1, *kind, first=number)[0]


class Spent:
    """Time on the GPU between the begin and the end of each forward, by CUDA events."""

    def __init__(self) -> None:
        self.pairs: list[tuple[Any, Any]] = []

    def around(self, extract: Callable[..., Any]) -> Callable[..., Any]:
        """An extract that is timed."""
        import torch

        def timed(frames: Any, *told: Any) -> Any:
            events = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            events[0].record()
            found = extract(frames, *told)
            events[1].record()
            self.pairs.append(events)
            return found

        return timed

    def seconds(self) -> float:
        """All of it since the last call."""
        import torch

        torch.cuda.synchronize()
        found = sum(begin.elapsed_time(end) for begin, end in self.pairs) / 1000
        self.pairs.clear()
        return found


def measure(
    report: Report,
    tasks: Serial,
    what: str,
    found: Sequence[Clip],
    names: Sequence[str],
    loaded: dict[str, Any],
    aim: Aim | None,
) -> None:
    """A pass over the clips, after a short one that starts decoders and finds batch sizes."""
    spent = Spent()
    for name in names:
        if name not in loaded:
            loaded[name] = models.part(name, report.small)
            loaded[name].load(report.device, None)
    ready = {name: models.Ready(loaded[name], spent.around if report.gpu else None) for name in names}
    folder = report.work / what.replace(" ", "").replace(",", "-")

    def passes(some: Sequence[Clip], stem: str) -> list[Pass]:
        made = []
        for number, at in enumerate(range(0, len(some), SHARD)):
            key = f"{stem}{number}.h5"
            aims = [models.target(f"{what} {name}", folder / name / key, ready[name], report) for name in names]
            made.append(Pass(list(some[at : at + SHARD]), aims, 1, 600.0, 4.0))
        return made

    through(tasks, passes(found[: 2 * len(os.sched_getaffinity(0))], "warm"))
    if report.gpu:
        spent.seconds()
    with watched(report.gpu) as seen:
        begin = time.perf_counter()
        through(tasks, passes(found, "timed"))
        took = time.perf_counter() - begin
    report.row(what, len(found) / took, "clips/s", aim, f"{len(found)} clips")
    report.gpu_row(f"{what}: forwards' share of the time", spent.seconds() / took if report.gpu else None)
    report.gpu_row(f"{what}: GPU busy as nvidia-smi says", statistics.mean(seen) if seen else None, "%")
    decoders = tasks.worker.kept(Decoders)
    begin = time.perf_counter()
    for work in passes(found[: SHARD * 2], "decoded"):
        for _ in decoders.frames(work):
            pass
    rate = len(found[: SHARD * 2]) / (time.perf_counter() - begin)
    report.row(f"{what}: decoding alone", rate, "clips/s", note=f"{decoders.count} processes")


@contextmanager
def watched(gpu: bool) -> Iterator[list[int]]:
    """What nvidia-smi says of the GPU's use, every 100 ms, in percent; nothing without a GPU."""
    seen: list[int] = []
    if not gpu:
        yield seen
        return
    try:
        watcher = subprocess.Popen(BUSY, stdout=subprocess.PIPE, text=True)
    except OSError:  # it is not there
        yield seen
        return
    assert watcher.stdout is not None
    lines = watcher.stdout
    reader = threading.Thread(target=lambda: seen.extend(int(line) for line in lines if line.strip().isdigit()))
    reader.start()
    try:
        yield seen
    finally:
        watcher.terminate()
        watcher.wait()
        reader.join()
