"""A collection of features that are given, so that trainings take milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.request import Request

Collect = Callable[..., Path]

FEATURES = """
threads: 1
stages:
  ingest: {step: ingest}
  full: {step: import, from: ingest, params: {file: full.npz, side: video}}
  lossy: {step: import, from: ingest, params: {file: lossy.npz, side: video}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  gru: {step: extract, uses: extractors.gru.Gru, from: [ingest, full], params: {hidden: 6, vector_dim: 4, threshold: 1}}
  train:
    step: train
    uses: fusion.concat.Concat
    from: [full, bow]
    params: {heads: 1, width: 8, seeds: [1], epochs: 1, singles: false, raw: []}
"""
VIDEOS = 6  # of each split, two captions each


@pytest.fixture
def request_of(collect: Collect, tmp_path: Path) -> Callable[..., Request]:
    """`request_of("train.epochs=2")` on a collection of features, one of which lacks the first video of train."""
    splits = {
        split: {f"{split}{n}": [f"thing {n}", f"the {n} things"] for n in range(VIDEOS)}
        for split in ("train", "val", "test")
    }
    path = collect(**splits)
    path.write_text(path.read_text().replace("videos: videos\n", ""))
    (tmp_path / "stages.yaml").write_text(FEATURES)
    ids = [video for videos in splits.values() for video in videos]
    features = np.random.default_rng(0).normal(size=(len(ids), 5)).astype("f4")
    np.savez(tmp_path / "full.npz", ids=ids, features=features)
    np.savez(tmp_path / "lossy.npz", ids=ids[1:], features=features[1:])
    return lambda *sets: Request(path, tmp_path / "WORK", tmp_path / "stages.yaml", sets=sets)
