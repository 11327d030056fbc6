"""How busy a pass keeps a device, shown without one: forwards that last as long as published figures say.

    .venv/bin/python benchmarks/busy.py                    # this code
    .venv/bin/python benchmarks/busy.py --before FOLDER    # and that of an older checkout, case by case

The device (simulated.py) computes one forward after the other and copies beside that, as a GPU does. It is put in where
pipeline.devices.device.Device is; code that has no such place waits for copies and forwards, as it does for a GPU. 16
simulated decoders hand over frames, after the time of a decode, through the same queue as real ones. All else is as in
`laff run`: queue, batches, rows, shards on disk. Frames have their published sizes and are really copied into batches.

    busy      forward seconds / seconds from the first forward's beginning to the last one's end
    of all    forward seconds / seconds of the whole run, from before the first video to the last shard on disk
    allowed   the most that the decoders' pace allows
    waiting   most MiB of frames at a time that were decoded and whose forward had not ended
    buffers   most MiB of batches that the process held beside them (its own growth, since the decoders here share
              one array): those that are filled, copied or computed
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from simulated import DECODERS, Clock, Meter, Model, Part, Sleepers, place

from extractors.base import Sampling
from pipeline.extraction.decoding import Clip, Decoders, Pass
from pipeline.extraction.sweep import sweep
from pipeline.extraction.target import Target
from pipeline.video.reading import Frames
from pipeline.workers.tasks import Serial

ROOT = Path(__file__).resolve().parent.parent


# CLIP: 3,000 images a second in float16, which is assumed; at its 4.4 G multiply-adds an image that is 13 T a second.
# The others: multiply-adds of one view by their papers (X3D, table 4: 24.8 G; CSN, table 5: 96.7 G), ten views, at an
# assumed 5 and 10 T a second (depthwise convolutions do less of a GPU's peak).
MODELS = {
    "clip": Model(Sampling(8, 224, 224), 128, 8 / 3000, 512),
    "x3d-l": Model(Sampling(16, 356, 312, clips=10, stride=5), 4, 10 * 24.8e9 / 5e12, 2048),
    "ircsn-152": Model(Sampling(32, 256, 224, clips=10, stride=1), 4, 10 * 96.7e9 / 10e12, 2048),
}


@dataclass(frozen=True)
class Case:
    """Backbones, and videos a second that 16 decoders give, of those that the device can take."""

    about: str
    models: tuple[str, ...]
    pace: float
    shard: int  # videos
    shards: int

    @property
    def seconds(self) -> float:
        """Of all forwards for a video."""
        return sum(MODELS[name].seconds for name in self.models)


CASES = {
    "one": Case("one backbone, decoders keep up", ("clip",), 1.3, 512, 6),
    "several": Case("three backbones, decoders keep up", ("clip", "x3d-l", "ircsn-152"), 1.3, 64, 3),
    "small": Case("small shards, decoders keep up", ("clip",), 1.3, 128, 20),
    "decoders": Case("decoders too slow", ("clip",), 0.5, 512, 3),
    "device": Case("device too slow", ("clip",), 10.0, 512, 4),
}


def passes(case: Case, card: Clock, folder: Path, count: int) -> list[Pass]:
    """`count` shards of the case."""
    jobs = []
    for number in range(count):
        clips = [Clip(f"v{number}-{video}", "nowhere") for video in range(case.shard)]
        targets = [
            Target(
                name,
                f"{number:05d}.h5",
                folder / name / f"{number:05d}.h5",
                Part(MODELS[name], card),
                "benchmark",
                "",
                {},
                "cpu",
                MODELS[name].batch,
                "float32",
            )
            for name in case.models
        ]
        jobs.append(Pass(clips, targets, 1, 600.0, 4.0))
    return jobs


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(case: Case) -> dict[str, float]:
    """The figures of a case, with the code that was imported."""
    arrays = []
    for name in case.models:
        sampling = MODELS[name].sampling
        arrays.append(np.ones((sampling.views, sampling.frames, sampling.crop, sampling.crop, 3), np.uint8))
    present = [array.shape[0] * array.shape[1] for array in arrays]
    more: dict[str, Any] = {"decoder": "pyav"}  # of older code
    if "decoded" in Frames.__dataclass_fields__:
        more = {"decoded": [1] * len(arrays)}
    frames = Frames(arrays=arrays, count=1, fps=30.0, passes=1, present=present, **more)
    tasks, meter = Serial(), Meter()
    card, decoders = Clock(meter), tasks.worker.kept(Decoders)
    place(card, tasks.worker)
    decoders.count = DECODERS
    with (
        tempfile.TemporaryDirectory() as folder,
        Sleepers(frames, DECODERS * case.seconds / case.pace, meter) as sleepers,
    ):
        decoders._pool = sleepers
        short = Case(case.about, case.models, case.pace, 4, 1)
        for _ in tasks.each(sweep, passes(short, card, Path(folder) / "warm", 2)):
            pass
        meter.busy, meter.most, card.first, held = 0.0, 0, 0.0, resident()
        peak, over = held, threading.Event()

        def watch() -> None:
            nonlocal peak
            while not over.wait(0.02):
                peak = max(peak, resident())

        watcher = threading.Thread(target=watch)
        watcher.start()
        start = time.perf_counter()
        for _ in tasks.each(sweep, passes(case, card, Path(folder) / "work", case.shards)):
            pass
        wall = time.perf_counter() - start
        over.set()
        watcher.join()
        tasks.close()
    return {
        "busy": 100 * meter.busy / (card.free - card.first),
        "all": 100 * meter.busy / wall,
        "allowed": 100 * min(1.0, case.pace),
        "waiting": meter.most / 2**20,
        "buffers": (peak - held) / 2**20,
        "seconds": wall,
    }


def asked(code: Path, case: str) -> dict[str, float]:
    """The figures of a case, measured in a process of its own with the code in a folder."""
    command = [sys.executable, str(Path(__file__).resolve()), "--case", case]
    environment = {**os.environ, "PYTHONPATH": str(code.resolve()), "OMP_NUM_THREADS": "1"}
    process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(process.stdout)
    return figures


def main() -> None:
    """Print a line for each case and code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a folder with the code of an older commit")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--case", choices=list(CASES), help="measure this one, in this process, and print JSON")
    given = parser.parse_args()
    if given.case:
        print(json.dumps(measure(CASES[given.case])))
        return
    codes = ({"before": given.before} if given.before else {}) | {"now": ROOT}
    for name in given.cases:
        case = CASES[name]
        print(f"{case.about}: {'+'.join(case.models)}, {case.shards} shards of {case.shard}")
        for code, folder in codes.items():
            figures = SimpleNamespace(**asked(folder, name))
            share = f"of all {figures.seconds:.1f} s {figures.all:.1f} %"
            busy = f"busy {figures.busy:.1f} % (allowed {figures.allowed:.0f}), {share}"
            print(
                f"  {code:6} {busy}; waiting {figures.waiting:.0f} MiB, buffers {figures.buffers:.0f} MiB", flush=True
            )


if __name__ == "__main__":
    main()
