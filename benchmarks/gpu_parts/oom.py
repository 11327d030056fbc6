"""Batches that are halved while others hold nearly all of the GPU's memory, and what comes out all the same.

The memory is taken by plain allocations. On a CPU a part that says that it has no more memory stands in for it.
"""

from __future__ import annotations

import gc
from typing import Any

import numpy as np

from gpu_parts import models
from gpu_parts.given import Given
from pipeline.errors import LaffError
from pipeline.extraction.forward import Forward
from pipeline.extraction.lanes import Lanes
from pipeline.workers.worker import Worker

VIDEOS = 96
NONE = 8 << 20  # bytes that are next to none
CHUNK = 8 << 30  # bytes of one allocation that fills the memory
TOLD = ("=", "is told")
ALIKE = 0.9999  # cosine: other batches take other kernels


def run(given: Given) -> None:
    """The same videos with all of the memory, with a third of what a batch takes, and with next to none."""
    part = models.part("clip", given.small)
    part.load(given.device, None)
    videos = models.patterns(part.sampling, 24 if given.small else VIDEOS)
    whole, forward = rows(given, part, videos)
    given.row("batch with all of the memory", forward.piece, "videos")
    if not given.gpu:
        less, forward = rows(given, models.Ready(part, scarce), videos)
        compare(given, whole, less, forward)
        return
    import torch

    taken = memory(given, part, videos)
    held = fill(taken // 3)
    try:
        given.row("memory held by others", sum(len(block) for block in held) / 2**30, "GiB")
        less, forward = rows(given, part, videos)
        compare(given, whole, less, forward)
        sizes(given, part)
    except Exception as error:
        given.failed("with a third of that memory", error)
    held += fill(NONE)

    def alone(value: str, note: str) -> None:
        given.row("one video without memory", value, aim=TOLD, note=note, anywhere=True)

    try:
        rows(given, part, videos)
        alone("went through", "too much memory was left to show anything")
    except LaffError as error:
        alone("is told", str(error))
    except Exception as error:
        given.failed("one video without memory", error, TOLD)
    held.clear()
    gc.collect()
    torch.cuda.empty_cache()
    again, _ = rows(given, part, videos)
    apart = float(np.abs(whole - again).max())
    given.row("largest difference afterwards, with the memory back", apart, aim=("<=", 0), anywhere=True)


def memory(given: Given, part: Any, videos: np.ndarray) -> int:
    """Bytes that the whole batch takes beside the weights."""
    import torch

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_reserved()
    rows(given, part, videos)
    taken = torch.cuda.max_memory_reserved() - before
    given.row("memory that this batch takes", taken / 2**20, "MiB")
    return taken


def rows(given: Given, part: Any, videos: np.ndarray) -> tuple[np.ndarray, Forward]:
    """Rows of the videos in one batch, or in halves of it."""
    aim = models.target("clip", given.work / "oom.h5", models.Ready(part), given, len(videos), "float32")
    return models.rows(aim, videos)


def compare(given: Given, whole: np.ndarray, less: np.ndarray, forward: Forward) -> None:
    """Say what it was halved to, and how near the rows are."""
    lengths = np.linalg.norm(whole, axis=1) * np.linalg.norm(less, axis=1)
    given.row("batch that was halved to", forward.piece, "videos", ("<=", len(whole) // 2), anywhere=True)
    given.row(
        "cosine of its rows", float(((whole * less).sum(axis=1) / lengths).min()), aim=(">=", ALIKE), anywhere=True
    )
    apart = float(np.abs(whole - less).max() / np.abs(whole).max())
    given.row("largest difference, of the largest value", apart, aim=("<=", 1e-3), anywhere=True)


def sizes(given: Given, part: Any) -> None:
    """What `batch: auto` finds in so little memory."""
    lanes = Lanes(1)
    aim = models.target("clip", given.work / "oom.h5", models.Ready(part), given, "auto", "float32")
    try:
        given.row("batch that `auto` finds in it", Forward(aim, 1, lanes, Worker()).full, "videos", ("<=", VIDEOS))
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
