"""LAFF's training at the size of MV-test3k, on random features of the paper's widths in the device's memory."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import train_step

from fusion import losses
from fusion.features import Split
from fusion.retrieval import Retrieval
from gpu_parts.report import GPU_ONLY, Report
from pipeline.graph.recipe import Recipe
from pipeline.training.optimizer import make_optimizer, step
from pipeline.training.trainer import LOOK, Trainer

VIDEOS, VAL, CAPTIONS = 6_513, 497, 20  # MSR-VTT's train and val videos, captions of each
BATCH, SMALL, EPOCHS = 128, 16, 30
AIM = ("<=", 300.0)  # seconds for so many epochs
NO_WAIT = "a step waits for the GPU"
COUNTED = 3 * LOOK  # steps in which waits are counted


def run(report: Report) -> None:
    """Epochs of each case; after the first, whether a step waits for the GPU, and what it consists of."""
    for joint in (False, True):
        train, val = splits(report, joint)
        for precision in ("float32", "bfloat16"):
            what = f"{'joint' if joint else 'cached'} GRU, {precision}"
            if not report.gpu and precision == "bfloat16":
                report.row(what, None, note=GPU_ONLY)  # most CPUs emulate it
            elif report.left() < 10:
                report.skipped(f"{what}: {EPOCHS} epochs", AIM)
            else:
                try:
                    epochs(report, what, Retrieval(built(report, joint), train, val, loss(), precision=precision))
                except Exception as error:
                    report.failed(f"{what}: {EPOCHS} epochs", error, AIM)
                if not joint and precision == "float32":
                    look(report, train, val)
        del train, val


def batch_of(report: Report) -> int:
    """Captions in a step."""
    return SMALL if report.small else BATCH


def splits(report: Report, joint: bool) -> tuple[Split, Split]:
    """Train and val, on the device."""
    videos, val = (4, 2) if report.small else (VIDEOS, VAL)
    made = (train_step.split(count * CAPTIONS, count, joint).to(report.device) for count in (videos, val))
    return next(made), next(made)


def built(report: Report, joint: bool) -> Any:
    """The authors' model on the device."""
    return train_step.model(joint).to(report.device)


def loss() -> losses.Loss:
    """The authors' loss."""
    return losses.make("triplet")


def epochs(report: Report, what: str, task: Retrieval) -> None:
    """Two epochs by the trainer; the second is timed, from its first step to its validation's end."""
    import torch

    marks: list[float] = []
    original = task.score

    def score() -> float:
        marks.append(time.perf_counter())
        found = original()
        marks.append(time.perf_counter())
        return found

    task.score = score  # type: ignore[method-assign]
    if report.gpu:
        torch.cuda.reset_peak_memory_stats()
    with TemporaryDirectory() as folder:
        batch = batch_of(report)
        trainer = Trainer(task, Recipe(batch=batch, epochs=2), 2, Path(folder), "benchmark", checkpoint_seconds=1e9)
        trainer.run()
    steps, validation = marks[2] - marks[1], marks[3] - marks[2]
    report.row(f"{what}: a step", 1000 * steps / trainer.steps, "ms", note=f"{trainer.steps} an epoch, batch {batch}")
    report.row(f"{what}: validation of an epoch", validation, "s")
    report.row(f"{what}: {EPOCHS} epochs", EPOCHS * (steps + validation), "s", aim=AIM)
    report.gpu_row(f"{what}: peak memory", peak() if report.gpu else None, "GiB")


def peak() -> float:
    """The most memory that tensors had on the GPU."""
    import torch

    return torch.cuda.max_memory_allocated() / 2**30


def look(report: Report, train: Split, val: Split) -> None:
    """What only a GPU can tell of a step."""
    if not report.gpu:
        report.row(NO_WAIT, None, aim=("=", "no"), note=GPU_ONLY)
        return
    for what, find in (("waits", waits), ("kernels", kernels)):
        try:
            find(report, train, val)
        except Exception as error:
            report.failed(what, error)


def waits(report: Report, train: Split, val: Split) -> None:
    """Steps in which waiting for the GPU is an error, then how often the trainer waits in many steps."""
    import torch

    task = Retrieval(built(report, False), train, val, loss())
    batch = batch_of(report)
    rows = torch.arange(len(train)).split(batch)
    optimizer = make_optimizer(task.model, Recipe(batch=batch))
    for number in range(2):
        step(task.loss(rows[number % (len(rows) - 1)]), optimizer, 2.0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number in range(2, 12):
            step(task.loss(rows[number % (len(rows) - 1)]), optimizer, 2.0)
        report.row(NO_WAIT, "no", aim=("=", "no"), anywhere=True, note="ten of them, set_sync_debug_mode('error')")
    except RuntimeError as error:
        if "synchroniz" not in str(error):
            raise
        report.row(NO_WAIT, "yes", aim=("=", "no"), anywhere=True, note=str(error)[:400])
    finally:
        torch.cuda.set_sync_debug_mode("default")
    task.samples = COUNTED * batch  # a short epoch
    task.score = lambda: torch.cuda.set_sync_debug_mode("default") or 0.5  # type: ignore[method-assign, func-returns-value]
    with TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        trainer = Trainer(task, Recipe(batch=batch, epochs=1), 2, Path(folder), "benchmark", checkpoint_seconds=1e9)
        torch.cuda.set_sync_debug_mode("warn")
        try:
            trainer.run()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    found = [str(one.message) for one in seen if "synchroniz" in str(one.message)]
    looks = COUNTED // LOOK + 1
    report.row(f"waits in {COUNTED} steps of the trainer", len(found), aim=("<=", looks), note=f"{looks} are its looks")


def kernels(report: Report, train: Split, val: Split, count: int = 10) -> None:
    """What the GPU does in a step, by torch's profiler."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    task = Retrieval(built(report, False), train, val, loss())
    batch = batch_of(report)
    rows = torch.arange(len(train)).split(batch)
    optimizer = make_optimizer(task.model, Recipe(batch=batch))
    for number in range(3):
        step(task.loss(rows[number % (len(rows) - 1)]), optimizer, 2.0)
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as seen:
        for number in range(3, 3 + count):
            step(task.loss(rows[number % (len(rows) - 1)]), optimizer, 2.0)
        torch.cuda.synchronize()
    done = [one for one in seen.events() if one.device_type == torch.autograd.DeviceType.CUDA]
    report.row("kernels and copies in a step", len(done) / count)
    report.row("time that they take", sum(one.time_range.elapsed_us() for one in done) / 1000 / count, "ms")
