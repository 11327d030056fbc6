"""Exact search over stored vectors: ours, faiss IndexFlatIP and a bare product with top-k, side by side in one run.

    .venv/bin/python benchmarks/search.py WORK      # 1,082,659 x 4,096 float16, 30 queries, top 1,000
    .venv/bin/python benchmarks/search.py WORK --rows 1000000 --width 512 --queries 1 --k 10
    .venv/bin/python benchmarks/search.py WORK --python OTHER/bin/python   # one that has faiss and torch

Writes random vectors of length 1 to WORK (once; kept for the next call), fewer where the disk has no room for them, and
says so. Each way works in a process of its own, three times: first with the file thrown out of the system's cache, then
warm. Beside them stand what no way can do without: reading the bytes, and the product of as many numbers. Ours must be
equal to the bare product: the same scores to 1e-5, and the same rows but for scores that lie closer together than that.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
WAYS = ("reading", "product", "ours", "bare", "faiss")
NEAR = 1e-5  # scores that lie closer may change places: the ways add in another order
PART = 1 << 24  # bytes that are written or read at once


def write(path: Path, rows: int, width: int) -> None:
    """Random vectors of length 1, float16."""
    generator = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, rows, 16384):
            values = generator.standard_normal((min(16384, rows - start), width), np.float32)
            file.write((values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16).tobytes())
        os.fsync(file.fileno())


def queries_of(count: int, width: int) -> np.ndarray:
    """The queries, [Q, D] float32 of length 1."""
    values = np.random.default_rng(1).standard_normal((count, width)).astype(np.float32)
    queries: np.ndarray = values / np.linalg.norm(values, axis=1, keepdims=True)
    return queries


def reading(path: Path, rows: int, width: int, queries: np.ndarray, k: int) -> None:
    """Read the bytes, and do nothing."""
    buffer = bytearray(PART)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def product(path: Path, rows: int, width: int, queries: np.ndarray, k: int) -> None:
    """The products of as many rows, without reading them: of the same float32 rows again and again."""
    import torch

    asked, block = torch.from_numpy(queries), torch.randn(4096, width)
    for _ in range(-(-rows // len(block))):
        asked @ block.T


def ours(path: Path, rows: int, width: int, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The engine of laff."""
    from pipeline.ranking.nearest import nearest
    from pipeline.rows.flat import Flat

    hits = nearest(queries, [Flat(path, 0, rows, width, "float16")], k)
    return hits.rows, hits.scores


def bare(path: Path, rows: int, width: int, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """What one writes down first: blocks to float32, a product, top-k of them and the best so far."""
    import torch

    values = np.memmap(path, np.float16, "r", shape=(rows, width))
    asked = torch.from_numpy(queries)
    best, scores = torch.zeros(len(queries), 0, dtype=torch.int64), torch.zeros(len(queries), 0)
    for start in range(0, rows, 8192):
        block = torch.from_numpy(values[start : start + 8192].astype(np.float32))
        scores = torch.cat([scores, asked @ block.T], dim=1)
        best = torch.cat([best, torch.arange(start, start + len(block)).expand(len(queries), -1)], dim=1)
        scores, places = scores.topk(min(k, scores.shape[1]))
        best = best.gather(1, places)
    return best.numpy(), scores.numpy()


def faiss(path: Path, rows: int, width: int, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """faiss, exact: all rows in memory as float32."""
    import faiss as library  # type: ignore[import-not-found]

    index = library.IndexFlatIP(width)
    values = np.memmap(path, np.float16, "r", shape=(rows, width))
    for start in range(0, rows, 65536):
        index.add(values[start : start + 65536].astype(np.float32))
    begun = time.perf_counter()
    scores, best = index.search(queries, k)
    print(f"  faiss: search alone {time.perf_counter() - begun:.3f} s, the rest is filling its index", file=sys.stderr)
    return best, scores


def measure(way: str, path: Path, rows: int, width: int, queries: np.ndarray, k: int) -> dict[str, Any]:
    """Seconds of three times, the first from disk, CPU-seconds of the last, and memory beyond that at the start."""
    sys.path.insert(0, str(ROOT))
    if way in ("product", "ours", "bare"):
        import torch  # noqa: F401 - its import is nobody's work
    function: Callable[..., Any] = globals()[way]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, spent, answer = [], 0.0, None
    for turn in range(3):
        if not turn:
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        begun, used = time.perf_counter(), time.process_time()
        answer = function(path, rows, width, queries, k)
        seconds.append(time.perf_counter() - begun)
        spent = time.process_time() - used
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if answer is not None:
        np.savez(path.with_name(f"{way}.npz"), rows=answer[0], scores=answer[1])
    return {"cold": seconds[0], "warm": min(seconds[1:]), "cpu": spent, "memory": most, "more": most - before}


def equal(one: Path, other: Path) -> str:
    """Whether two answers are the same but for scores that nearly tie."""
    first, second = np.load(one), np.load(other)
    apart = float(np.abs(first["scores"] - second["scores"]).max())
    strange = 0
    for query in range(len(first["rows"])):
        for rows, scores, others in ((first, first, second), (second, second, first)):
            mine, edge = rows["rows"][query], others["scores"][query].min()
            lost = ~np.isin(mine, others["rows"][query])
            strange += int((scores["scores"][query][lost] > edge + NEAR).sum())
    verdict = "equal" if apart <= NEAR and not strange else "NOT EQUAL"
    return f"{verdict}: scores differ by {apart:.1e} at most, {strange} rows in one that the other misses"


def main() -> None:
    """Print the figures of each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rows", type=int, default=1_082_659)
    parser.add_argument("--width", type=int, default=4096)
    parser.add_argument("--queries", type=int, default=30)
    parser.add_argument("--k", type=int, default=1000)
    parser.add_argument("--python", default=sys.executable, help="of an environment with faiss, if this one has it not")
    parser.add_argument("--ways", nargs="*", default=WAYS, choices=WAYS)
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    room = shutil.disk_usage(given.work).free // 2
    rows = given.rows
    path = given.work / f"{rows}x{given.width}.f16"
    if not path.exists() and rows * given.width * 2 > room:
        rows = room // (given.width * 2)
        path = given.work / f"{rows}x{given.width}.f16"
        print(f"SCALED DOWN: {given.rows:,} rows do not fit half of what is free on the disk; {rows:,} do")
    if given.one:
        print(json.dumps(measure(given.one, path, rows, given.width, queries_of(given.queries, given.width), given.k)))
        return
    size = rows * given.width * 2
    if not path.exists() or path.stat().st_size != size:
        write(path, rows, given.width)
    print(f"{given.queries} queries, {rows:,} x {given.width} float16 ({size / 1e9:.2f} GB), top {given.k:,}")
    print(f"{'':8}  {'from disk':>9}  {'warm':>7}  {'CPU':>7}  {'GB/s warm':>9}  {'memory':>8}  {'of it':>8}")
    figures: dict[str, dict[str, float]] = {}
    for way in given.ways:
        words = [sys.argv[0], str(given.work), "--rows", str(rows), "--width", str(given.width), "--one", way]
        words += ["--queries", str(given.queries), "--k", str(given.k)]
        result = subprocess.run(
            [given.python if way == "faiss" else sys.executable, *words], stdout=subprocess.PIPE, text=True
        )
        if result.returncode:
            print(f"{way:8}  not measured: it ended with {result.returncode}")
            continue
        measured = figures[way] = json.loads(result.stdout.splitlines()[-1])
        memory, more = measured["memory"] / 1024, measured["more"] / 1024
        print(
            f"{way:8}  {measured['cold']:8.3f}s  {measured['warm']:6.3f}s  {measured['cpu']:6.3f}s  "
            f"{size / measured['warm'] / 1e9:9.2f}  {memory:5.0f}MiB  {more:5.0f}MiB"
        )
    if {"reading", "product", "ours"} <= figures.keys():
        for kind, word in (("cold", "from disk"), ("warm", "warm")):
            floor = max(figures["reading"][kind], figures["product"]["warm"])
            print(f"ours {word}: {figures['ours'][kind] / floor:.2f} of the larger of reading and product")
    for other in ("bare", "faiss"):
        if "ours" in figures and other in figures:
            print(f"ours and {other}: {equal(given.work / 'ours.npz', given.work / f'{other}.npz')}")


if __name__ == "__main__":
    main()
