"""Exact search of 30 queries among all shots of TRECVID's V3C1: 1.08 million vectors of 8 x 512, in float16."""

from __future__ import annotations

import time

import numpy as np

from gpu_parts.report import Report
from pipeline.ranking.scores import Scored, of_vectors
from pipeline.ranking.top import top_k

QUERIES, VIDEOS, WIDTH, BEST = 30, 1_082_659, 4_096, 1_000


def run(report: Report) -> None:
    """The scores and the best of each query as the rank stage finds them, and on the GPU alone."""
    import torch

    count, width = (20_000, 256) if report.small else (VIDEOS, WIDTH)
    generator = torch.Generator(report.device).manual_seed(0)

    def vectors(number: int) -> torch.Tensor:
        made = torch.empty(number, width, dtype=torch.float16, device=report.device)
        for block in made.split(50_000):
            values = torch.randn(len(block), width, generator=generator, device=report.device)
            block.copy_(values / values.norm(dim=1, keepdim=True))
        return made

    videos, texts = vectors(count), vectors(QUERIES)
    report.row("videos", count, note=f"{width} wide, float16")
    queries = np.arange(QUERIES)
    for attempt in ("first", "second"):
        begin = time.perf_counter()
        scores = Scored([of_vectors(texts, videos)], queries, count).of_captions(queries)
        between = time.perf_counter()
        columns, _ = top_k(scores, BEST)
        end = time.perf_counter()
        report.row(f"{attempt} search, as the rank stage does it", end - begin, "s")
        report.row("  of it scores, and their way to the CPU", between - begin, "s")
        report.row(f"  of it the best {BEST} of each query, on the CPU", end - between, "s")

    def alone() -> torch.Tensor:
        found = (texts @ videos.T).float().topk(BEST).indices
        if report.gpu:
            torch.cuda.synchronize()
        return found

    alone()
    begin = time.perf_counter()
    alone()
    report.row("product and topk on the device alone", time.perf_counter() - begin, "s")
    report.gpu_row("peak memory", torch.cuda.max_memory_allocated() / 2**30 if report.gpu else None, "GiB")
    exact = torch.cat([texts.float() @ block.float().T for block in videos.split(100_000)], dim=1).cpu().numpy()
    wanted, _ = top_k(exact, BEST)
    same = np.mean([len(np.intersect1d(a, b)) for a, b in zip(columns, wanted, strict=True)]) / BEST
    report.row(f"of the best {BEST}, those of float32 scores too", float(same), aim=(">=", 0.99), anywhere=True)
    report.row("largest error of a score", float(np.abs(scores - exact).max()))
