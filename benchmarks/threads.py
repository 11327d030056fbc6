"""Threads of trainings on a CPU: one each side by side or two one after the other, and how threads wait for each other.

    .venv/bin/python benchmarks/threads.py trainings [--size demo] [--number 6] [--steps 60]
    .venv/bin/python benchmarks/threads.py waiting [--busy 0 2] [--rounds 3]

trainings   the same trainings one after the other with a thread and with two each, and side by side with a thread each
            (`pipeline/workers/beside.py`): seconds of all, in turns, so that ratios are of one run
waiting     ms a step with two threads of the part and size named, for each way in which a thread of OpenMP waits for
            work: as a process is told by its environment. --busy: beside so many processes that never rest
Sizes: demo (`laff demo`: width 64) and authors (8 heads of 512 on features as published). Features are random.
"""

import argparse
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from extractors.base import Pairs
from extractors.clip_ft import ClipFt
from fusion import losses
from fusion.features import Feature, Sparse, Split
from fusion.laff import LAFF
from fusion.paired import Paired
from fusion.retrieval import Retrieval
from pipeline.graph.recipe import Recipe
from pipeline.training.optimizer import make_optimizer, step
from pipeline.workers.beside import Beside
from pipeline.workers.worker import Worker

SIZES = {  # widths of the video features, of the text features (bow last), of a head
    "demo": ({"clip-ft": 64, "x3d": 2048, "ircsn": 2048, "tf": 64}, {"w2v": 64, "gru": 256, "bow": 150}, 64),
    "authors": ({"clip-ft": 512, "x3d": 2048, "ircsn": 2048, "tf": 768}, {"w2v": 500, "gru": 1024, "bow": 7650}, 512),
}
CAPTIONS, WORDS = 1440, 8  # of train; words in a bag
WAYS: dict[str, dict[str, str]] = {  # what the environment says of a thread that waits
    "passive": {"OMP_WAIT_POLICY": "passive"},  # it sleeps at once
    "active": {"OMP_WAIT_POLICY": "active"},  # it looks for minutes before it sleeps
    "unset": {},  # libgomp: it looks 300,000 times
    **{
        f"spin {count}": {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": str(count)}
        for count in (3_000, 10_000, 30_000)
    },
}


def task(size: str) -> Retrieval:
    """A LAFF to train on random features."""
    video, text, width = SIZES[size]
    torch.manual_seed(0)
    bag = torch.randint(text["bow"], (CAPTIONS * WORDS,))
    bags = Sparse(bag, torch.arange(CAPTIONS + 1) * WORDS, torch.ones(len(bag)), text["bow"])
    captions: dict[str, Feature] = {name: torch.randn(CAPTIONS, dim) for name, dim in text.items() if name != "bow"}
    videos = {name: torch.randn(CAPTIONS // 4, dim) for name, dim in video.items()}
    train = Split(dict(videos), captions | {"bow": bags}, torch.arange(CAPTIONS) % (CAPTIONS // 4))
    model = Paired(LAFF(dims=video, width=width), LAFF(dims=text, width=width), {})
    return Retrieval(model, train, train, losses.make("triplet"))


def clip() -> object:
    """The CLIP of `laff demo`, to fine-tune on random frames."""
    frames = np.random.default_rng(0).integers(0, 256, (64, 8, 64, 64, 3), np.uint8)
    part = ClipFt(model="tiny-64", weights="random", frames=8)
    part.load("cpu", None)
    pairs = Pairs([f"a thing {number}" for number in range(64)], np.arange(64), frames)
    return part.task(pairs, pairs, losses.make("infonce"))


def steps(kind: str, count: int, threads: int) -> float:
    """Seconds of so many steps of a training, after three that are not timed."""
    torch.set_num_threads(threads)
    training = clip() if kind == "clip" else task(kind)
    optimizer = make_optimizer(training.model, Recipe())  # type: ignore[attr-defined]
    training.model.train()  # type: ignore[attr-defined]
    began = 0.0
    for number in range(count + 3):
        if number == 3:
            began = time.perf_counter()
        rows = torch.arange(64) if kind == "clip" else (torch.arange(64) + 64 * number) % CAPTIONS
        step(training.loss(rows), optimizer, 2.0)  # type: ignore[attr-defined]
    return time.perf_counter() - began


@dataclass
class Job:
    """A training."""

    size: str
    count: int
    title: str = "a training"


def train(job: Job, worker: Worker) -> float:
    """Do a training with one thread."""
    return steps(job.size, job.count, 1)


def trainings(size: str, number: int, count: int) -> None:
    """Print how long trainings take one after the other and side by side."""
    jobs, cores = [Job(size, count) for _ in range(number)], len(os.sched_getaffinity(0))

    def all_of(threads: int) -> None:
        for job in jobs:
            steps(job.size, job.count, threads)

    ways: dict[str, Callable[[], object]] = {  # forks come first: torch has not begun other threads then
        f"side by side, {cores} at a time, a thread each": lambda: list(
            Beside(cores, Worker(), True, lambda: None).each(train, jobs)
        ),
        "one after the other, a thread each": lambda: all_of(1),
        "one after the other, two threads each": lambda: all_of(2),
    }
    took: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(3):
        for way, do in ways.items():
            began = time.perf_counter()
            do()
            took[way].append(time.perf_counter() - began)
    first = median(next(iter(took.values())))
    print(f"{number} trainings of {count} steps, {size}, OMP_WAIT_POLICY {os.environ.get('OMP_WAIT_POLICY', 'unset')}:")
    for way, seconds in took.items():
        print(f"    {way}: {median(seconds):.1f} s, {median(seconds) / first:.2f} times the first")


def spin() -> None:
    """Never rest."""
    while True:
        pass


def waiting(kinds: list[str], busy: list[int], rounds: int, count: int) -> None:
    """Print ms a step with two threads, wall and CPU, for each way of waiting."""
    counts = {"authors": count // 4, "clip": count // 2}
    for beside in busy:
        others = [multiprocessing.Process(target=spin, daemon=True) for _ in range(beside)]
        for other in others:
            other.start()
        for kind in kinds:
            took: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
            for _ in range(rounds):
                for way, variables in WAYS.items():
                    plain = {
                        key: value
                        for key, value in os.environ.items()
                        if key not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
                    }
                    command = [sys.executable, __file__, "one", "--size", kind, "--steps", str(counts.get(kind, count))]
                    told = subprocess.run(command, env=plain | variables, stdout=subprocess.PIPE, check=True).stdout
                    wall, cpu = map(float, told.split())
                    took[way].append((wall, cpu))
            least = {way: (min(w for w, _ in times), min(c for _, c in times)) for way, times in took.items()}
            words = ", ".join(f"{way} {wall:.1f} ({cpu:.1f} of CPU)" for way, (wall, cpu) in least.items())
            print(f"{kind}, beside {beside} busy processes, ms a step: {words}", flush=True)
        for other in others:
            other.kill()
            other.join()


def one(kind: str, count: int) -> None:
    """Print ms a step of two threads, of the clock and of the CPU."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    seconds = steps(kind, count, int(os.environ.get("OMP_NUM_THREADS", "2")))
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(1000 * seconds / count, 1000 * cpu / count)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("trainings", "waiting", "one"))
    parser.add_argument("--size", nargs="+", choices=(*SIZES, "clip"), default=["demo"])
    parser.add_argument("--number", type=int, default=6)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.what == "trainings":
        for size in given.size:
            trainings(size, given.number, given.steps)
    elif given.what == "waiting":
        waiting(given.size, given.busy, given.rounds, given.steps)
    else:
        one(given.size[0], given.steps)


if __name__ == "__main__":
    main()
