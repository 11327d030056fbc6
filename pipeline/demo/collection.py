"""Writes the demo collection: mp4 files, captions, split lists and collection.yaml; same versions, same bytes.

Scenes, captions and splits were fixed before any model was trained on them and are not tuned to any result.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import av

from pipeline import progress
from pipeline.demo.captions import captions
from pipeline.demo.pictures import SIDE, frames
from pipeline.demo.scenes import Planner, Scene
from pipeline.devices import resources
from pipeline.errors import LaffError
from pipeline.workers.beside import Beside
from pipeline.workers.worker import Worker

VERSION = 1  # to be raised with any change of the files
SEED = 2021
FPS = 12
FRAMES = (26, 34)  # shortest and longest video, a little over two seconds
# Without macroblock trees, for which x264 reads memory that it did not write, so that bytes rarely differ.
ENCODER = {"preset": "veryfast", "crf": "20", "mbtree": "0"}
MOST = 8  # processes that draw; drawing holds the interpreter lock, so that threads gain little
SPLITS = ("train", "val", "test")


def make_collection(
    folder: Path,
    *,
    train: int = 320,
    val: int = 40,
    test: int = 120,
    bar: progress.Bar | None = None,
) -> Path:
    """Write so many videos a split, with four captions each -> the path of collection.yaml.

    The videos move `bar`. A finished collection with the same numbers is left as it is. The folder appears only when
    it is complete; what an interrupted call left beside it (`*.partial`) is made anew.

    Raises LaffError where the folder holds something else.
    """
    folder = folder.absolute()
    table, sizes = folder / "collection.yaml", {"train": train, "val": val, "test": test}
    title = f"# demo collection {VERSION}: {train} train, {val} val, {test} test\n"
    if table.is_file() and table.read_text(encoding="utf-8").startswith(title):
        return table
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LaffError(f"{folder} holds something else than this demo collection; name another folder or remove it")

    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "videos").mkdir(parents=True)
    planner, rng = Planner(SEED), random.Random(SEED)
    videos: list[tuple[Path, Scene, int]] = []
    description = [title, "name: demo\n", "videos: videos\n"]
    for split in SPLITS:
        ids, lines = [], []
        for scene in planner.split(sizes[split]):
            ids.append(f"demo{len(videos) + 1:04d}")
            videos.append((partial / "videos" / f"{ids[-1]}.mp4", scene, SEED + len(videos)))
            lines += [f"{ids[-1]}#{number} {text}\n" for number, text in enumerate(captions(scene, rng))]
        (partial / f"{split}.txt").write_text("".join(f"{video}\n" for video in ids), encoding="utf-8")
        (partial / f"{split}.caption.txt").write_text("".join(lines), encoding="utf-8")
        description.append(f"{split}: {{ids: {split}.txt, captions: {split}.caption.txt}}\n")

    if bar is not None:
        bar.to(0, len(videos), "")
    most = min(MOST, resources.cores())
    shares = [Share(videos[first::most]) for first in range(min(most, len(videos)))]
    for wrong in Beside(most, Worker(), True, lambda: None).each(draw, shares, bar):
        if wrong:
            raise LaffError(wrong)
    (partial / "collection.yaml").write_text("".join(description), encoding="utf-8")
    partial.rename(folder)
    return table


@dataclass(frozen=True)
class Share:
    """The videos that one process draws."""

    videos: list[tuple[Path, Scene, int]]  # file, scene, seed
    title: str = "videos of the demo"

    def lost(self, how: str) -> str:
        """What is wrong if the process was killed."""
        return f"the process that drew {self.title} ended ({how}); the same command draws them anew"


def draw(share: Share, worker: Worker) -> str:
    """Write the videos of a share -> what is wrong, which is nothing."""
    for path, scene, seed in share.videos:
        write(path, scene, seed)
        worker.advance()
    return ""


def write(path: Path, scene: Scene, seed: int) -> None:
    """Write a video as H.264 in mp4; its length, within FRAMES, follows from the seed."""
    count = random.Random(seed).randint(*FRAMES)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=ENCODER)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1  # the bytes should not depend on the number of cores
        for picture in frames(scene, count, seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
