"""Batches that are halved while others hold nearly all of the GPU's memory, and what comes out all the same.

The memory is taken by plain allocations. On a CPU a part that says that it has no more memory stands in for it.
"""

from __future__ import annotations

import gc
from typing import Any

import numpy as np

from gpu_parts import models
from gpu_parts.report import Report
from pipeline.devices.lanes import Lanes
from pipeline.errors import LaffError
from pipeline.extraction.forward import Forward
from pipeline.workers.worker import Worker

VIDEOS = 96
NONE = 8 << 20  # bytes that are next to none
CHUNK = 8 << 30  # bytes of one allocation that fills the memory
TOLD = ("=", "is told")
ALIKE = 0.9999  # cosine: other batches take other kernels


def run(report: Report) -> None:
    """The same videos with all of the memory, with a third of what a batch takes, and with next to none."""
    part = models.part("clip", report.small)
    part.load(report.device, None)
    videos = models.patterns(part.sampling, 24 if report.small else VIDEOS)
    whole, forward = rows(report, part, videos)
    report.row("batch with all of the memory", forward.piece, "videos")
    if not report.gpu:
        less, forward = rows(report, models.Ready(part, scarce), videos)
        compare(report, whole, less, forward)
        return
    import torch

    taken = memory(report, part, videos)
    held = fill(taken // 3)
    try:
        report.row("memory held by others", sum(len(block) for block in held) / 2**30, "GiB")
        less, forward = rows(report, part, videos)
        compare(report, whole, less, forward)
        sizes(report, part)
    except Exception as error:
        report.failed("with a third of that memory", error)
    held += fill(NONE)

    def alone(value: str, note: str) -> None:
        report.row("one video without memory", value, aim=TOLD, note=note, anywhere=True)

    try:
        rows(report, part, videos)
        alone("went through", "too much memory was left to show anything")
    except LaffError as error:
        alone("is told", str(error))
    except Exception as error:
        report.failed("one video without memory", error, TOLD)
    held.clear()
    gc.collect()
    torch.cuda.empty_cache()
    again, _ = rows(report, part, videos)
    apart = float(np.abs(whole - again).max())
    report.row("largest difference afterwards, with the memory back", apart, aim=("<=", 0), anywhere=True)


def memory(report: Report, part: Any, videos: np.ndarray) -> int:
    """Bytes that the whole batch takes beside the weights."""
    import torch

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_reserved()
    rows(report, part, videos)
    taken = torch.cuda.max_memory_reserved() - before
    report.row("memory that this batch takes", taken / 2**20, "MiB")
    return taken


def rows(report: Report, part: Any, videos: np.ndarray) -> tuple[np.ndarray, Forward]:
    """Rows of the videos in one batch, or in halves of it."""
    aim = models.target("clip", report.work / "oom.h5", models.Ready(part), report, len(videos), "float32")
    return models.rows(aim, videos)


def compare(report: Report, whole: np.ndarray, less: np.ndarray, forward: Forward) -> None:
    """Say what it was halved to, and how near the rows are."""
    lengths = np.linalg.norm(whole, axis=1) * np.linalg.norm(less, axis=1)
    report.row("batch that was halved to", forward.piece, "videos", ("<=", len(whole) // 2), anywhere=True)
    report.row(
        "cosine of its rows", float(((whole * less).sum(axis=1) / lengths).min()), aim=(">=", ALIKE), anywhere=True
    )
    apart = float(np.abs(whole - less).max() / np.abs(whole).max())
    report.row("largest difference, of the largest value", apart, aim=("<=", 1e-3), anywhere=True)


def sizes(report: Report, part: Any) -> None:
    """What `batch: auto` finds in so little memory."""
    lanes = Lanes(1)
    aim = models.target("clip", report.work / "oom.h5", models.Ready(part), report, "auto", "float32")
    try:
        report.row("batch that `auto` finds in it", Forward(aim, 1, lanes, Worker()).full, "videos", ("<=", VIDEOS))
    finally:
        lanes.close()


def fill(leave: int) -> list[Any]:
    """Allocate all of the GPU's free memory but for `leave` bytes."""
    import torch

    torch.cuda.empty_cache()
    held: list[Any] = []
    while (free := torch.cuda.mem_get_info()[0] - leave) > 4 << 20:
        try:
            held.append(torch.empty(min(free, CHUNK), dtype=torch.uint8, device="cuda"))
        except torch.OutOfMemoryError:
            break
    return held


def scarce(extract: Any) -> Any:
    """An extract that has memory for a quarter of the videos."""
    import torch

    def less(frames: Any, *told: Any) -> Any:
        if len(frames) > 6:
            raise torch.OutOfMemoryError("this stands for a GPU without memory.")
        return extract(frames, *told)

    return less
