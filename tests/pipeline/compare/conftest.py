"""A collection of imported features, on which a whole comparison takes seconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.request import Request

VIDEOS = {"train": 24, "val": 8, "test": 12}
STAGES = """
threads: 1
stages:
  ingest: {step: ingest}
  pair: {step: import, from: ingest, params: {file: video.npz, side: video, array: pair}}
  other: {step: import, from: ingest, params: {file: video.npz, side: video, array: other}}
  pair-frames:
    step: import
    from: ingest
    params: {file: frames.npz, side: video, array: pair, level: frame, frames: 4}
  words: {step: import, from: ingest, params: {file: text.npz, side: text, array: pair}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [pair, other, words, bow]
    params: {heads: 2, width: 16, epochs: 3, batch: 8, lr: 0.003, seeds: [1], raw: [pair, words], singles: false}
  rank: {step: rank, from: train, params: {pairs: {pair: [pair, words]}}}
  evaluate: {step: evaluate, from: rank}
  report: {step: report, from: evaluate}
"""
GRID = """
about: two systems & the <pair> alone
seeds: [1, 2]
against: laff
roles: {lead: clip-ft, lead-text: clip-ft, lead-frames: clip-ft-frames}
models:
  laff: fusion.laff.LAFF
  late: {uses: fusion.je.JE, params: {width: 8, lead: $lead, share: 0.5}, note: late fusion}
  frames:
    uses: fusion.laff_ml.LAFFml
    video: [$all, -$lead, $lead-frames]
    params: {frames: [$lead-frames]}
pairs: {$lead: [$lead, $lead-text]}
quoted:
  source: a paper <b>
  protocol: elsewhere
  columns: [A, B]
  rows: {laff: {A: 31.25}, clip-ft: {A: 1, B: 2.5}}
"""
ROLES = {"lead": "pair", "lead-text": "words"}


@dataclass(frozen=True)
class Small:
    """The collection, a grid and a workspace."""

    folder: Path

    @property
    def grid(self) -> Path:
        return self.folder / "mine.yaml"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def copy(self, folder: Path) -> Small:
        """The same in another folder, to be changed; files of several names are one there too."""
        first: dict[int, str] = {}

        def put(source: str, target: str) -> None:
            inode = Path(source).stat().st_ino
            if inode in first:
                Path(target).hardlink_to(first[inode])
            else:
                shutil.copy2(source, target)
                first[inode] = target

        shutil.copytree(self.folder, folder, copy_function=put)
        return Small(folder)

    def request(self, *sets: str, workers: int = 0) -> Request:
        request = Request(self.folder / "collection.yaml", self.work, self.folder / "stages.yaml", None, sets)
        return replace(request, workers=workers)

    def options(self, *sets: str) -> list[str]:
        """The same for a command line."""
        where = ["-c", self.folder / "collection.yaml", "-w", self.work, "--stages", self.folder / "stages.yaml"]
        return [*map(str, where), *(word for text in sets for word in ("--set", text))]


@pytest.fixture(scope="session")
def anew() -> Callable[[Path], Small]:
    """`anew(folder)`: the collection in a folder, nothing made of it."""
    return _write


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """The collection in the folder of one test."""
    return _write(tmp_path)


def _write(folder: Path) -> Small:
    """Videos and captions whose shared feature says which belong together, with noise."""
    generator = np.random.default_rng(5)
    videos = [f"{split}{number}" for split, count in VIDEOS.items() for number in range(count)]
    meaning = generator.normal(size=(len(videos), 8))
    text = "name: small\n"
    for split in VIDEOS:
        members = [video for video in videos if video.startswith(split)]
        (folder / f"{split}.txt").write_text("".join(f"{video}\n" for video in members))
        captions = "".join(f"{video}#{n} caption {n} of number {video[-1]}\n" for video in members for n in range(2))
        (folder / f"{split}.captions.txt").write_text(captions)
        text += f"{split}: {{ids: {split}.txt, captions: {split}.captions.txt}}\n"
    noise = generator.normal(size=(4, len(videos), 8))
    other = np.tanh(meaning @ generator.normal(size=(8, 12)))
    np.savez(folder / "video.npz", ids=videos, pair=(meaning + noise[0]).astype("f4"), other=other.astype("f4"))
    captions = [f"{video}#{n}" for video in videos for n in range(2)]
    words = (meaning[:, None] + noise[1:3].transpose(1, 0, 2)).reshape(-1, 8)
    np.savez(folder / "text.npz", ids=captions, pair=words.astype("f4"))
    counts = 1 + np.arange(len(videos)) % 5
    starts = np.concatenate([[0], counts.cumsum()])
    frames = np.repeat(meaning, counts, axis=0) + generator.normal(size=(counts.sum(), 8))
    np.savez(folder / "frames.npz", ids=videos, starts=starts, pair=frames.astype("f4"))
    (folder / "collection.yaml").write_text(text)
    (folder / "stages.yaml").write_text(STAGES)
    (folder / "mine.yaml").write_text(GRID)
    return Small(folder)
