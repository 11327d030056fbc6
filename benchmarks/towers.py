"""How long the image towers of CLIP models take for a frame on a CPU, side by side, with random weights.

    .venv/bin/python benchmarks/towers.py [--threads 1 2] [NAME …]

NAME is an entry of extractors/weights.yaml; only its configuration is needed. The models take turns, batch after
batch, so that whatever else the machine does falls on all of them; of five rounds the first is left out. Prints the
median of the others in milliseconds a frame, of CPU time and of wall time; on a busy machine the first says more.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from extractors.clip import Clip  # noqa: E402
from pipeline.graph import stages  # noqa: E402

NAMES = (
    *("openai-clip-vit-b-32", "mobileclip2-s0", "mobileclip2-s2", "mobileclip2-b", "pe-core-t-16-384"),
    *("pe-core-s-16-384", "pe-core-b-16", "siglip2-vit-b-32-256", "siglip2-vit-b-16-256"),
)
BATCH, ROUNDS = 8, 5


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(NAMES), metavar="NAME")
    parser.add_argument("--threads", nargs="+", type=int, default=[2, 1])
    given = parser.parse_args()
    entries = stages.load(ROOT / "stages.yaml").weights
    parts = {name: Clip(**(entries[name].params | {"weights": "random"})) for name in given.names}
    nets = {name: part.build().eval() for name, part in parts.items()}
    for name, net in nets.items():
        image = sum(tensor.numel() for tensor in net.visual.parameters()) / 1e6  # type: ignore[union-attr, operator]
        whole = sum(tensor.numel() for tensor in net.parameters()) / 1e6
        print(f"{name}: {image:.1f} + {whole - image:.1f} M parameters (image, text), {parts[name].config.size} pixels")
    for threads in given.threads:
        torch.set_num_threads(threads)
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in nets}
        with torch.inference_mode():
            for _ in range(ROUNDS):
                for name, net in nets.items():
                    frames = torch.rand(BATCH, 3, parts[name].config.size, parts[name].config.size)
                    start = time.process_time(), time.perf_counter()
                    net.encode_image(frames)  # type: ignore[operator]
                    took[name].append((time.process_time() - start[0], time.perf_counter() - start[1]))
        for name, each in took.items():
            busy, wall = (statistics.median(one) / BATCH * 1000 for one in zip(*each[1:], strict=True))
            print(f"{threads} thread(s), {name}: {busy:.0f} ms of CPU, {wall:.0f} ms a frame")


if __name__ == "__main__":
    main()
