"""Seconds, memory and precision of the backbones at their published size.

    .venv/bin/python benchmarks/backbones.py VIDEO [VIDEO...] [--models x3d,ircsn,tf,clip] [--threads 1]

Each model is a child process with random weights (timm's are real). It decodes the videos as the pipeline does, then
computes their features as published: all clips and crops. Printed for each model: seconds to decode and to forward a
video, and the most memory the process held meanwhile. Then one view of each video in float32, bfloat16 and float16
(autocast, as `precision` does): its time as a part of float32's, and the smallest cosine to the float32 row. On a GPU
also the batch that `batch: auto` finds, and views a second with it. (Without a GPU float16 takes long: it is not made
for CPUs.)
Random weights tell the rounding of the arithmetic; trained ones may have larger values inside and round worse.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "clip": ("extractors.clip.Clip", {"model": "ViT-B-32-quickgelu"}),
    "x3d": ("extractors.x3d.X3D", {"size": "L"}),
    "ircsn": ("extractors.ircsn.IrCSN", {"depth": 152}),
    "tf": ("extractors.tf.TimeSformer", {}),
    "tf-96x4": ("extractors.tf.TimeSformer", {"frames": 96, "stride": 4}),
    "timm": ("extractors.timm.Timm", {"weights": "efficientnet-lite0"}),  # the one whose real weights are at hand
}
PRECISIONS = ("float32", "bfloat16", "float16")
ROUNDS = 2  # forwards of a timing


def measure(name: str, videos: list[Path], threads: int, precisions: list[str]) -> dict[str, Any]:
    """Everything about one model, in this process."""
    sys.path.insert(0, str(ROOT))
    import torch

    from pipeline.build.construct import make
    from pipeline.errors import Problems
    from pipeline.extraction.batch_size import BatchSizes
    from pipeline.extraction.forward import autocast
    from pipeline.graph import published
    from pipeline.video import reading
    from pipeline.weights import lookup
    from pipeline.workers import malloc

    malloc.keep()
    torch.set_num_threads(threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    path, params = MODELS[name]
    part = make(name, path, {"weights": "random"} | params)
    sampling = part.sampling
    start = time.perf_counter()
    frames = np.stack([reading.read(file, [sampling], 0, "pyav").arrays[0] for file in videos])
    decode = (time.perf_counter() - start) / len(videos)
    known = published.entries({}, Problems())
    part.load(device, None if part.weights == "random" else lookup.find(known[part.weights]))
    Path("/proc/self/clear_refs").write_text(
        "5"
    )  # random weights are set up with clips of noise, which is not the point
    start = time.perf_counter()
    for at in range(len(frames)):
        part.extract(torch.from_numpy(frames[at : at + 1]).to(device))
    figures: dict[str, Any] = {"model": name, "device": device, "decode": decode, "views": sampling.views}
    figures |= {"forward": (time.perf_counter() - start) / len(frames), "mib": peak()}
    figures |= {"frames": sampling.frames, "crop": sampling.crop, "precisions": precisions}

    part.sampling = replace(sampling, clips=1, crops=1)
    views = np.ascontiguousarray(frames[:, :1])

    def forward(batch: np.ndarray) -> torch.Tensor:
        with autocast(device, precision):
            return part.extract(torch.from_numpy(batch).to(device)).float().cpu()

    features = {}
    for precision in precisions:
        size = BatchSizes().videos(precision, device, part.sampling, forward) if device == "cuda" else 1
        batch = np.repeat(views[:1], size, axis=0)
        forward(batch)  # the first of a kind also looks for the best kernels
        start = time.perf_counter()
        for _ in range(ROUNDS):
            forward(batch)
        figures[precision] = (time.perf_counter() - start) / (ROUNDS * size)
        features[precision] = torch.cat([forward(views[at : at + 1]) for at in range(len(views))])
        cosine = torch.nn.functional.cosine_similarity(features[precision], features["float32"], dim=-1)
        figures |= {f"{precision}_cosine": float(cosine.min()), f"{precision}_batch": size}
    return figures


def peak() -> float:
    """The most memory this process held since it was last asked to forget, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def row(figures: dict[str, Any]) -> str:
    """One model's line of the table."""
    cells = [
        f"{figures['model']:8} {figures['views']:3} x {figures['frames']:2} x {figures['crop']}²",
        f"decode {figures['decode']:6.2f} s",
        f"forward {figures['forward']:7.2f} s",
        f"peak {figures['mib']:6.0f} MiB",
    ]
    for precision in figures["precisions"][1:]:
        part, cosine = figures[precision] / figures["float32"], figures[f"{precision}_cosine"]
        cells.append(f"{precision} {part:5.2f} of float32, cosine {cosine:.6f}")
    if figures["device"] == "cuda":
        cells += [
            f"{name}: batch {figures[f'{name}_batch']}, {1 / figures[name]:.1f} views/s"
            for name in figures["precisions"]
        ]
    return "  ".join(cells)


def main() -> None:
    """Measure each model in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--models", default="clip,x3d,ircsn,tf", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precisions", default=",".join(PRECISIONS), help="float32 first (default: all)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.models, options.videos, options.threads, options.precisions.split(","))))
        return
    for name in options.models.split(","):
        command = [sys.executable, __file__, *map(str, options.videos), "--models", name, "--child"]
        command += ["--precisions", options.precisions]
        process = subprocess.run([*command, "--threads", str(options.threads)], stdout=subprocess.PIPE, check=True)
        print(row(json.loads(process.stdout.splitlines()[-1])), flush=True)


if __name__ == "__main__":
    main()
