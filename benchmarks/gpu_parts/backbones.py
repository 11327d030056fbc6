"""A backbone on the GPU: videos a second by batch and precision, what rounding does to its rows, and `batch: auto`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from gpu_parts import models
from gpu_parts.report import GPU_ONLY, Report
from pipeline.extraction.batch_size import most_videos
from pipeline.extraction.forward import autocast

PRECISIONS = ("float16", "float32", "bfloat16")  # what matters most first
BATCHES = (1, 4, 16, 64, 256)
SLOW = 1.5  # seconds of a forward above which no larger batch is tried
LEAST = {"float16": 0.999, "bfloat16": 0.99, "float32": 0.99999}  # cosine to float32 on a CPU


def run(report: Report, name: str) -> None:
    """Everything about one of backbones.MODELS."""
    import torch

    begin = time.perf_counter()
    reference = models.part(name, report.small)
    reference.load("cpu", None)
    part = reference
    if report.gpu:
        part = models.part(name, report.small)
        part.load("cuda", None)
    sampling = part.sampling
    report.row("size", f"{sampling.views} x {sampling.frames} x {sampling.crop}²", note="views x frames x pixels")
    report.row("loading (on a GPU on the CPU too)", time.perf_counter() - begin, "s")
    cosines(report, reference, part)
    del reference
    auto(report, name, part)
    for precision in PRECISIONS:
        if precision == "float16" and not report.gpu:
            report.row("float16", None, note=GPU_ONLY)
            continue
        with autocast(report.device, precision):
            speeds(report, part, precision)
    report.gpu_row("peak memory", torch.cuda.max_memory_allocated() / 2**30 if report.gpu else None, "GiB")


@contextmanager
def one_view(part: Any) -> Iterator[Any]:
    """The part, taking a single view of each video meanwhile."""
    whole = part.sampling
    part.sampling = replace(whole, clips=1, crops=1)
    try:
        yield part
    finally:
        part.sampling = whole


def cosines(report: Report, reference: Any, part: Any) -> None:
    """The smallest cosine of four videos' rows, one view each, to float32 on a CPU."""
    import torch

    with one_view(reference):
        frames = torch.from_numpy(models.patterns(reference.sampling, 4))
        with autocast("cpu", "float32"):
            wanted = reference.extract(frames)
    for precision in PRECISIONS:
        if precision == "float16" and not report.gpu:
            continue
        with one_view(part), autocast(report.device, precision):
            found = part.extract(frames.to(report.device)).float().cpu()
        cosine = torch.nn.functional.cosine_similarity(found, wanted, dim=-1)
        report.row(
            f"{precision}: cosine to float32 of a CPU", float(cosine.min()), "", (">=", LEAST[precision]), anywhere=True
        )


def auto(report: Report, name: str, part: Any) -> None:
    """What the pipeline itself does, at its own precision: the batch that it finds, how soon, and its rate."""
    sampling = part.sampling
    aim = models.target(name, report.work / f"{name}.h5", models.Ready(part), report)
    few = models.patterns(sampling, 4)
    begin = time.perf_counter()
    _, forward = models.rows(aim, few)
    report.gpu_row("batch that `auto` finds", forward.full)
    report.gpu_row("time to find it", time.perf_counter() - begin, "s")
    aim.batch = forward.full
    videos = np.concatenate([few] * max(1, 2 * forward.full // 4))
    begin = time.perf_counter()
    models.rows(aim, videos)
    rate = len(videos) / (time.perf_counter() - begin)
    report.row("as the pipeline runs it, from the CPU's memory", rate, "videos/s", note=f"{len(videos)} videos")


def speeds(report: Report, part: Any, precision: str) -> None:
    """Rates by batch, of frames that lie on the GPU."""
    import torch

    sampling = part.sampling
    few = torch.from_numpy(models.patterns(sampling, 1)).to(report.device)
    forward = 0.0  # seconds of one with the last batch; a timing takes three at least
    for batch in BATCHES[:2] if report.small else BATCHES:
        what = f"{precision}, batch {batch}"
        if batch > max(1, most_videos(sampling)) or forward > SLOW:
            break
        if report.left() < max(2.0, 3 * 4 * forward):
            report.skipped(what)
            break
        try:
            frames = few.repeat(batch, *[1] * (few.ndim - 1))
            part.extract(frames)  # the first also looks for the best kernels
            rate = models.rate(lambda frames=frames: part.extract(frames), batch, report.gpu)
        except torch.OutOfMemoryError as error:
            report.row(what, None, note=f"does not fit: {str(error)[:200]}")
            break
        report.row(what, rate, "videos/s")
        forward = batch / rate
