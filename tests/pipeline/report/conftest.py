"""A run with everything that a report shows, on texts and names that would break a careless page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline import ids
from pipeline.request import Request
from pipeline.run import run

HOSTILE = "<script>window.hit = 1</script>"
NAMES = ("quote'\"", f"{HOSTILE}", "-rf", "ümläut 視頻", "a&amp;b", "%2e%2e")  # of the first videos of test
COUNTS = {"train": 8, "val": 2, "test": 16}
STAGES = """
threads: 1
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
  one: {step: import, from: ingest, params: {file: video.npz, side: video, array: one}}
  other: {step: import, from: ingest, params: {file: video.npz, side: video, array: other}}
  words: {step: import, from: ingest, params: {file: text.npz, side: text, array: one}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [one, other, words]
    params: {heads: 2, width: 16, raw: [], epochs: 1, seeds: [1], singles: false}
  vectors: {step: vectors, from: train}
  rank: {step: rank, from: [train, vectors], params: {pairs: {one: [one, words]}}}
  evaluate: {step: evaluate, from: rank}
  report: {step: report, from: evaluate}
"""


@dataclass(frozen=True)
class Reported:
    """The workspace of the run, and its page."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def request(self) -> Request:
        return Request(self.folder / "c.yaml", self.work, self.folder / "stages.yaml")

    @property
    def address(self) -> str:
        return (self.work / "report" / "index.html").as_uri()


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """To be read only."""
    folder = tmp_path_factory.mktemp("reported")
    _write(folder)
    workspace = Reported(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAFF_DECODERS", "1")
        run(workspace.request, ("decode", "report"))
    return workspace


def _write(folder: Path) -> None:
    """Videos whose shared feature tells which caption belongs to each; two captions each, one of them hostile."""
    generator = np.random.default_rng(3)
    text, videos = "name: <b>mine</b>\nvideos: videos\n", []
    (folder / "videos").mkdir()
    for split, count in COUNTS.items():
        named = NAMES if split == "test" else ()
        members = [*named, *(f"{split}{number}" for number in range(len(named), count))]
        videos += members
        (folder / f"{split}.ids").write_text("".join(f"{ids.encoded(video)}\n" for video in members))
        lines = []
        for number, video in enumerate(members):
            name = ids.encoded_before_hash(video)
            lines += [f"{name}#0 {split} thing number {number}\n", f"{name}#1 {HOSTILE} \"'&amp; {number}\n"]
            _video(folder / "videos" / f"{video}.mp4", number, generator)
        (folder / f"{split}.txt").write_text("".join(lines), encoding="utf-8")
        text += f"{split}: {{ids: {split}.ids, captions: {split}.txt}}\n"
    meaning = generator.normal(size=(len(videos), 8)).astype("f4")
    other = generator.normal(size=(len(videos), 6)).astype("f4")
    np.savez(folder / "video.npz", ids=np.array(videos), one=meaning, other=other)
    noisy = (meaning[:, None] + generator.normal(size=(len(videos), 2, 8))).reshape(-1, 8).astype("f4")
    captions = [f"{video}#{n}" for video in videos for n in range(2)]
    np.savez(folder / "text.npz", ids=np.array(captions), one=noisy)
    (folder / "c.yaml").write_text(text)
    (folder / "stages.yaml").write_text(STAGES)


def _video(path: Path, number: int, generator: np.random.Generator) -> None:
    """Six frames of noise; of every third video the first two are black."""
    frames = generator.integers(0, 256, (6, 32, 48, 3), np.uint8)
    frames[: 2 if number % 3 == 0 else 0] = 0
    path.parent.mkdir(exist_ok=True)
    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
