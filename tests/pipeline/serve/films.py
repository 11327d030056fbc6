"""A collection of small real videos with awkward names, imported features and two models: what `laff serve` shows."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

GRAPH = """
threads: 1
stages:
  ingest: {step: ingest, params: {shard_videos: 8}}
  decode: {step: decode, from: ingest}
  one: {step: import, from: ingest, params: {file: one.npz, side: video}}
  other: {step: import, from: ingest, params: {file: other.npz, side: video}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [one, other, bow]
    params:
      {heads: 2, width: 16, raw: [], epochs: 2, seeds: [1], singles: false,
      baselines: {concat: fusion.concat.Concat}}
  vectors: {step: vectors, from: train}
"""
HOSTILE = '<script>alert(1)</script> & "red" \u202e circle'
# id -> its file, its window in seconds, and its caption.
ITEMS: dict[str, tuple[str, str, str, str]] = {
    "plain": ("plain.mp4", "", "", "a red circle"),
    "part": ("plain.mp4", "1", "2", "a blue square"),
    "-rf": ("-rf.mp4", "", "", HOSTILE),
    'it\'s "quoted"': ('it\'s "quoted".mp4', "", "", "a green circle moves"),
    "Ünï/çødé 影片": ("Ünï çødé 影片.mp4", "", "", "a red square moves"),
    "..b": ("..b.mp4", "", "", "a circle and a square"),
    "<b>bold</b>": ("bold.mp4", "", "", "red and blue"),
    "%2e%2e": ("percent.mp4", "", "", "a square moves"),
    "old": ("old.avi", "", "", "an old film of a circle"),
    "old part": ("old.avi", "1", "2", "the second half of an old film"),
}
HALVES = "percent.mp4"  # begins black, as all do, and is not of one colour in its middle
SPLITS = {"train": slice(0, 6), "val": slice(6, 8), "test": slice(8, 10)}
SECONDS, FPS, HEIGHT, WIDTH = 2, 10, 48, 64


@dataclass(frozen=True)
class Films:
    """The collection and its workspace."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def videos(self) -> Path:
        return self.folder / "videos"

    def run(self, *sets: str) -> None:
        """`laff run`, in this process."""
        from pipeline.request import Request
        from pipeline.run import run

        run(Request(self.folder / "c.yaml", self.work, self.folder / "stages.yaml", None, sets, replace=True), ())

    def copy(self, folder: Path) -> Films:
        """The same in another folder, to be changed; its workspace still names the collection of the first."""
        shutil.copytree(self.folder, folder)
        return Films(folder)


def film(
    path: Path,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    seconds: int = SECONDS,
    halves: bool = False,
    **sides: int,
) -> Path:
    """A video that gets brighter from black to white, frame by frame; halves: the right half stays black."""
    height, width = sides.get("height", HEIGHT), sides.get("width", WIDTH)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.height, stream.width, stream.pix_fmt = height, width, pixels
        for level in np.linspace(0, 255, seconds * FPS).astype(np.uint8):
            picture = np.full((height, width, 3), level)
            picture[:, width // 2 if halves else width :] = 0
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def make(folder: Path) -> Films:
    """Write the collection; nothing is run."""
    films, ids = Films(folder), list(ITEMS)
    for number, name in enumerate(dict.fromkeys(file for file, *_ in ITEMS.values())):
        codec = "mpeg4" if name.endswith(".avi") else "libx264"
        film(films.videos / name, codec, width=WIDTH + 2 * number, halves=name == HALVES)
    with (folder / "videos.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["video", "path", "start", "end"])
        table.writerows([id_, f"videos/{name}", start, end] for id_, (name, start, end, _) in ITEMS.items())
    text = "name: films\nvideos: videos.csv\n"
    for split, members in SPLITS.items():
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["video", "caption"])
            table.writerows([id_, ITEMS[id_][3]] for id_ in ids[members])
        text += f"{split}: {{captions: {split}.csv}}\n"
    (folder / "c.yaml").write_text(text)
    rng = np.random.default_rng(0)
    for name, width in (("one", 6), ("other", 9)):
        np.savez(folder / f"{name}.npz", ids=np.array(ids), values=rng.normal(size=(len(ids), width)).astype("<f4"))
    (folder / "stages.yaml").write_text(GRAPH)
    return films
