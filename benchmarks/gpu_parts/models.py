"""Visual extractors with random weights, at their published sizes or at those of profile small; and frames for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from backbones import MODELS, ROOT

from extractors.base import Sampling
from gpu_parts.report import Report
from pipeline.build.construct import construct, make
from pipeline.devices.lanes import Lanes
from pipeline.extraction.forward import Forward
from pipeline.extraction.target import Target
from pipeline.graph import stages
from pipeline.workers.worker import Worker


def part(name: str, small: bool) -> Any:
    """An extractor that is not loaded yet; `name` is of backbones.MODELS."""
    if small:
        return construct(stages.load(ROOT / "stages.yaml", "small").stages[name], weights="random")
    path, params = MODELS[name]
    return make(name, path, params | {"weights": "random"})


class Ready:
    """A part that is loaded already: whoever loads it again gets it as it is. `around` may wrap its extract."""

    def __init__(self, loaded: Any, around: Callable[..., Any] | None = None) -> None:
        self._loaded = loaded
        self.extract = loaded.extract if around is None else around(loaded.extract)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded, name)

    def load(self, device: str, weights: Path | None) -> None:
        """Nothing to load."""


def target(
    name: str, path: Path, ready: Any, report: Report, batch: int | Literal["auto"] = "auto", precision: str = "auto"
) -> Target:
    """A feature of a pass, which writes a shard at `path`."""
    on = "gpu" if report.gpu else "cpu"
    return Target(name, path.name, path, ready, "benchmark", "", {}, on, batch, "float32", precision)


def rows(aim: Target, videos: np.ndarray) -> tuple[np.ndarray, Forward]:
    """Rows of videos [V, M, T, H, W, 3] as the pipeline computes them in a pass, and who computed them."""
    lanes = Lanes(1)
    try:
        forward = Forward(aim, len(videos), lanes, Worker())
        for video in videos:
            forward.add(video, video.shape[0] * video.shape[1])
        return forward.rows(), forward
    finally:
        lanes.close()


def patterns(sampling: Sampling, count: int, seed: int = 0) -> np.ndarray:
    """Coarse patterns that differ between videos: [V, M, T, H, W, 3] uint8."""
    shape = (count, sampling.views, sampling.frames, 4, 4, 3)
    colours = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    places = np.arange(sampling.crop) * 4 // sampling.crop
    return np.ascontiguousarray(colours[:, :, :, places][:, :, :, :, places])


def rate(work: Callable[[], Any], items: int, gpu: bool, least: float = 0.5) -> float:
    """Items a second: of work that was done once before, repeated for `least` seconds and twice at least."""
    import torch

    if gpu:
        torch.cuda.synchronize()
    begin, done = time.perf_counter(), 0
    while done < 2 or time.perf_counter() - begin < least:
        work()
        done += 1
        if gpu:
            torch.cuda.synchronize()
    return done * items / (time.perf_counter() - begin)
