"""What the extractors of profile small do on a GPU, with random weights.

    .venv/bin/python benchmarks/extract_gpu.py --data ../shared/data

Prints a line for each model, its samples a second by batch size in float32 and float16; then the seconds of one pass
over `--clips` small clips (droid, or clips that it makes where --data is missing) and the share of them in which the
GPU computes. It needs a CUDA GPU and nvidia-smi.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from clips import look, options, small
from passes import FEATURES, passes, read_all, run, seconds, targets, threads, warm

from pipeline.extraction.decoding import Clip
from pipeline.extraction.forward import autocast
from pipeline.workers.tasks import Serial


def batches(tasks: Serial, clips: Sequence[Clip], work: Path) -> None:
    """Print samples a second of each model by batch size and precision."""
    import torch

    frames = read_all(clips[:8], FEATURES)
    for number, target in enumerate(targets(FEATURES, work, 0)):
        part = target.loaded(tasks.worker)
        line = []
        for batch in (1, 8, 32, 128):
            arrays = np.stack([frames[n % len(frames)].arrays[number] for n in range(batch)])
            given = torch.from_numpy(arrays).cuda()
            for precision in ("float32", "float16"):
                with autocast("cuda", precision):
                    part.extract(given)
                    torch.cuda.synchronize()
                    took = seconds(lambda part=part, given=given: [part.extract(given).cpu() for _ in range(10)])
                line.append(f"{batch} {precision} {10 * batch / took:.0f}")
        print(f"  {target.stage}: samples/s by batch: {', '.join(line)}")


def busy(tasks: Serial, clips: Sequence[Clip], work: Path, threads: int) -> None:
    """Print the share of a pass in which the GPU computes (nvidia-smi, every 100 ms)."""
    warm(tasks, clips, FEATURES, work, threads)
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "100"]
    watcher = subprocess.Popen(query, stdout=subprocess.PIPE, text=True)
    seen: list[int] = []
    assert watcher.stdout is not None
    reader = threading.Thread(
        target=lambda: seen.extend(int(line) for line in watcher.stdout if line.strip().isdigit())
    )
    reader.start()
    took = seconds(lambda: run(tasks, passes(clips, FEATURES, work, threads)))
    watcher.terminate()
    reader.join()
    share = statistics.mean(seen) if seen else float("nan")
    print(f"  one pass over {len(clips)} clips {took:.2f} s; GPU busy {share:.0f} % of it")


def main() -> None:
    """Print all figures."""
    parser = options(__doc__)
    parser.add_argument("--clips", type=int, default=256)
    given = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        sys.exit("there is no CUDA GPU here, so nothing was measured")
    print(f"GPU: {torch.cuda.get_device_name()}")
    _, paths = small(given.data, given.work)
    clips, tasks = look(paths, given.clips), Serial()
    batches(tasks, clips, given.work)
    busy(tasks, clips, given.work, threads())
    tasks.close()


if __name__ == "__main__":
    main()
