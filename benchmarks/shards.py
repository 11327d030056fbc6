"""How fast shards are written, read and verified, against HDF5 alone and another checkout; and run files.

    .venv/bin/python benchmarks/shards.py [--before FOLDER] [--megabytes 128] [--rounds 7]

Each checkout is a process of its own; all of them take turns in every round, and the bytes are in the system's cache.
Figures are the best round: GB/s (1e9 bytes of values) on the clock and by CPU time. "read again" is by a process that
has read the shard before, as training does with every model after the first. HDF5 alone flushes its file too, but
hashes nothing. A run file is 1,000,000 lines of TREC's form.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
WIDTH, QUERIES, ITEMS = 2048, 1000, 1000
SETTLED = 2.5  # seconds: files that are younger are read again and again


def plain(folder: Path, values: np.ndarray) -> Iterator[tuple[str, Callable[[], object]]]:
    """What HDF5 does alone."""
    import h5py

    path = folder / "plain.h5"

    def write() -> None:
        path.unlink(missing_ok=True)
        with h5py.File(path, "w") as file:
            file["values"] = values
        with path.open("rb") as flushed:
            os.fsync(flushed.fileno())

    def read() -> None:
        with h5py.File(path) as file:
            file["values"][:]

    yield "write", write
    yield "read again", read


def ours(folder: Path, values: np.ndarray) -> Iterator[tuple[str, Callable[[], object]]]:
    """What the checkout does whose code is imported."""
    from pipeline.rows import container, shards
    from pipeline.runfiles import trec

    remembers = find_spec("pipeline.rows.whole") is not None  # an older checkout does not
    path, ids = folder / "ours.h5", [f"video{number}" for number in range(len(values))]
    scores = np.sort(np.random.default_rng(0).standard_normal((QUERIES, ITEMS), np.float32))[:, ::-1].tolist()
    answers = [(f"q{query}", list(zip(ids, row, strict=False))) for query, row in enumerate(scores)]

    def first() -> None:
        if remembers:
            from pipeline.rows.whole import WHOLE

            WHOLE.forget()
        shards.read(path)

    yield "write", lambda: shards.write(path, ids, values, {"fingerprint": "0" * 32})
    yield "read", first
    yield "read again", lambda: shards.read(path)
    yield "verify", lambda: container.check(path)
    yield "run file", lambda: trec.write_run(folder / "run.trec.gz", answers, "laff")


def serve(kind: str, folder: Path, megabytes: int) -> None:
    """Time each part once for every line on standard input, and print its seconds: on the clock, of the CPU."""
    values = np.random.default_rng(0).standard_normal((megabytes * 1_000_000 // 4 // WIDTH, WIDTH), np.float32)
    parts = dict(plain(folder, values) if kind == "HDF5 alone" else ours(folder, values))
    print(values.nbytes, *parts, sep="\t", flush=True)
    for line in sys.stdin:
        part = parts[line.strip()]
        clock, cpu = time.perf_counter(), time.process_time()
        part()
        print(time.perf_counter() - clock, time.process_time() - cpu, flush=True)


def main() -> None:
    """Print a line for each part, with the figures of each checkout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="another checkout")
    parser.add_argument("--megabytes", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.folder, options.megabytes)
        return
    checkouts = {"HDF5 alone": ROOT} | ({"before": options.before.resolve()} if options.before else {}) | {"now": ROOT}
    with tempfile.TemporaryDirectory() as temporary:
        processes, sizes, names = {}, {}, {}
        for kind, checkout in checkouts.items():
            folder = Path(temporary) / kind
            folder.mkdir()
            command = [sys.executable, __file__, "--serve", kind, "--folder", str(folder)]
            process = subprocess.Popen(
                [*command, "--megabytes", str(options.megabytes)],
                env=os.environ | {"PYTHONPATH": str(checkout)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            size, *names[kind] = process.stdout.readline().strip().split("\t")
            processes[kind], sizes[kind] = process, int(size)
        for part in names["now"]:
            best: dict[str, tuple[float, float]] = {}
            if part == "read":
                time.sleep(SETTLED)
            for _ in range(options.rounds):
                for kind, process in processes.items():
                    if part not in names[kind]:
                        continue
                    assert process.stdin is not None
                    assert process.stdout is not None
                    process.stdin.write(f"{part}\n")
                    process.stdin.flush()
                    clock, cpu = map(float, process.stdout.readline().split())
                    known = best.get(kind, (clock, cpu))
                    best[kind] = min(known[0], clock), min(known[1], cpu)
            if part == "run file":
                told = [f"{kind} {clock:.2f} s, {cpu:.2f} CPU-s" for kind, (clock, cpu) in best.items()]
            else:
                speeds = {kind: (sizes[kind] / 1e9 / c, sizes[kind] / 1e9 / p) for kind, (c, p) in best.items()}
                told = [f"{kind} {clock:.2f}, by CPU {cpu:.2f} GB/s" for kind, (clock, cpu) in speeds.items()]
            print(f"{part}: {'; '.join(told)}", flush=True)
        for process in processes.values():
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


if __name__ == "__main__":
    main()
