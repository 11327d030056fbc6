"""Writes the demo collection: mp4 files, captions, split lists and collection.yaml; same versions, same bytes.

Scenes, captions and splits were fixed before any model was trained on them and are not tuned to any result.
"""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import av

from pipeline.demo.captions import captions
from pipeline.demo.pictures import SIDE, frames
from pipeline.demo.scenes import Planner, Scene
from pipeline.errors import LaffError

VERSION = 1  # to be raised with any change of the files
SEED = 2021
FPS = 12
FRAMES = (26, 34)  # shortest and longest video, a little over two seconds
# Without macroblock trees, for which x264 reads memory that it did not write, so that bytes rarely differ.
ENCODER = {"preset": "veryfast", "crf": "20", "mbtree": "0"}
FEW = 100  # videos that are drawn in less time than processes take to start
SPLITS = ("train", "val", "test")


def make_collection(
    folder: Path,
    *,
    train: int = 320,
    val: int = 40,
    test: int = 120,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write so many videos a split, with four captions each -> the path of collection.yaml.

    `progress(done, total)` is called after each video. A finished collection with the same numbers is left as it is.
    The folder appears only when it is complete; what an interrupted call left beside it (`*.partial`) is made anew.

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
    videos: list[tuple[Path, Scene]] = []
    description = [title, "name: demo\n", "videos: videos\n"]
    for split in SPLITS:
        ids, lines = [], []
        for scene in planner.split(sizes[split]):
            ids.append(f"demo{len(videos) + 1:04d}")
            videos.append((partial / "videos" / f"{ids[-1]}.mp4", scene))
            lines += [f"{ids[-1]}#{number} {text}\n" for number, text in enumerate(captions(scene, rng))]
        (partial / f"{split}.txt").write_text("".join(f"{video}\n" for video in ids), encoding="utf-8")
        (partial / f"{split}.caption.txt").write_text("".join(lines), encoding="utf-8")
        description.append(f"{split}: {{ids: {split}.txt, captions: {split}.caption.txt}}\n")

    pool = _pool(len(videos))
    try:
        jobs = [pool.submit(write, path, scene, SEED + number) for number, (path, scene) in enumerate(videos)]
        for done, job in enumerate(jobs, start=1):
            job.result()
            if progress:
                progress(done, len(jobs))
    finally:  # after Ctrl-C or on a full disk those that have not begun are not waited for
        pool.shutdown(cancel_futures=True)
    (partial / "collection.yaml").write_text("".join(description), encoding="utf-8")
    partial.rename(folder)
    return table


def _pool(videos: int) -> Executor:
    """Who writes so many videos: two processes, since drawing holds the interpreter lock, or threads for a few."""
    if videos < FEW:
        return ThreadPoolExecutor(2)
    return ProcessPoolExecutor(2, get_context("spawn"), _leave_interrupts)  # a fork is not safe everywhere


def _leave_interrupts() -> None:
    """Leave Ctrl-C to the process that this one works for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
