"""A collection without videos: two imported features, bags of words, two models with two seeds, and their vectors."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pipeline.outcome import Outcome
    from pipeline.plan.context import Context
    from pipeline.request import Request

WORDS = ("red", "blue", "circle", "square", "moves", "left", "right", "up", "fast", "slowly")
SIZES = {"train": 24, "val": 4, "test": 8}
LOST = "train3"  # has no row in one of the features
GRAPH = """
threads: 1
stages:
  ingest: {step: ingest, params: {shard_videos: 8}}
  one: {step: import, from: ingest, params: {file: one.npz, side: video}}
  other: {step: import, from: ingest, params: {file: other.npz, side: video}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [one, other, bow]
    params:
      {heads: 2, width: 16, raw: [], epochs: 2, seeds: [1, 2], singles: false,
      baselines: {concat: fusion.concat.Concat}}
  vectors: {step: vectors, from: train}
  rank: {step: rank, from: [train, vectors]}
  evaluate: {step: evaluate, from: rank}
  report: {step: report, from: evaluate}
"""


@dataclass(frozen=True)
class Small:
    """The collection, its stages file and workspace."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def request(self, *sets: str, workers: int = 0) -> Request:
        from pipeline.request import Request

        return Request(
            self.folder / "c.yaml", self.work, self.folder / "stages.yaml", None, sets, workers=workers, replace=True
        )

    def run(self, *targets: str, sets: tuple[str, ...] = (), workers: int = 0) -> Outcome:
        from pipeline.run import run

        return run(self.request(*sets, workers=workers), targets)

    def context(self, *sets: str) -> Context:
        from pipeline.opening import open_context

        return open_context(self.request(*sets))

    def pack(self, out: Path, *models: str, weights: bool = False, again: bool = False) -> Path:
        """`laff package`, in this process."""
        from pipeline.packing.pack import pack

        return pack(self.request(), out, models, weights, again).out

    def applied(self, package: Path, work: Path, *sets: str) -> Request:
        """What `laff … --package` gives to the pipeline, on the same collection and its imported features."""
        from pipeline.package import manifest
        from pipeline.request import Request

        wanted = manifest.read(package).card["needs"]["imported"]
        given = [f"{name}.file={self.folder / name}.npz" for name in wanted]
        return Request(self.folder / "c.yaml", work, sets=(*given, *sets), replace=True, package=package)

    def copy(self, folder: Path) -> Small:
        shutil.copytree(self.folder, folder)
        return Small(folder)

    def options(self, *sets: str) -> list[str]:
        words = ["-c", str(self.folder / "c.yaml"), "-w", str(self.work), "--stages", str(self.folder / "stages.yaml")]
        return words + [word for text in sets for word in ("--set", text)]


def make(folder: Path) -> Small:
    """Write the collection; nothing is run."""
    rng = np.random.default_rng(0)
    text, ids = "name: small\n", []
    for split, count in SIZES.items():
        videos = [f"{split}{number}" for number in range(count)]
        ids += videos
        lines = [f"{video}#0 {' '.join(rng.choice(WORDS, 4))}\n" for video in videos]
        (folder / f"{split}.ids").write_text("".join(f"{video}\n" for video in videos))
        (folder / f"{split}.txt").write_text("".join(lines))
        text += f"{split}: {{ids: {split}.ids, captions: {split}.txt}}\n"
    (folder / "c.yaml").write_text(text)
    kept = [video for video in ids if video != LOST]
    np.savez(folder / "one.npz", ids=np.array(ids), values=rng.normal(size=(len(ids), 6)).astype("<f4"))
    np.savez(folder / "other.npz", ids=np.array(kept), values=rng.normal(size=(len(kept), 9)).astype("<f4"))
    (folder / "stages.yaml").write_text(GRAPH)
    return Small(folder)
