"""Seconds and memory of `laff search` in an index of many videos, from the command to its last line.

    .venv/bin/python benchmarks/search_index.py FOLDER --videos 1000000

Makes FOLDER/videos with so many empty files, and an index of them as `laff index --feature conse` would leave it, but
with random vectors of conse's width, each stored (once; taken as it is the next time). The sentence is read by the real
sentence encoder, whose package has to be installed. Each figure is a child process with the command itself: seconds on
the clock, CPU-seconds, and the most memory it held; beside them stand those among 100 videos.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from plan import child, ids

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pipeline.indexing.order import Order  # noqa: E402
from pipeline.indexing.preparing import prepared  # noqa: E402
from pipeline.opening import choose, open_context  # noqa: E402
from pipeline.plan.plan import stage_plan  # noqa: E402
from pipeline.request import Request  # noqa: E402
from pipeline.rows import shards  # noqa: E402
from pipeline.steps import ingest  # noqa: E402
from pipeline.store.index import Entry  # noqa: E402

WIDTH = 384  # of all-MiniLM-L6-v2
FEW = 100  # videos of the small index
SENTENCE = "a dog runs on the beach"


def make(folder: Path, count: int) -> None:
    """Empty files, and the index over them."""
    videos = folder / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    for name in ids(count):
        os.close(os.open(videos / f"{name}.mp4", os.O_CREAT | os.O_WRONLY))
    with prepared(Order(videos, folder / "work", ("conse",))) as request:
        start = time.perf_counter()
        number = store(request)
        print(f"  ({count:,} videos in {number:,} shards, made in {time.perf_counter() - start:.0f} s)", flush=True)


def store(request: Request) -> int:
    """Ingest, note every shard of conse as made, and write the vectors; how many shards there are."""
    context = open_context(request)
    random = np.random.default_rng(0)
    assert context.collection is not None
    with context.work.lock():
        ingest_options = context.graph.of_step("ingest").options_as(ingest.Options)
        context.catalog = ingest.update(context.collection, context.work, ingest_options)
        made = 0
        for name in context.graph.needed(["vectors"]):
            if context.graph.stages[name].step == "ingest":
                continue
            index = context.work.index(name)
            for unit in stage_plan(context, name).todo:
                path = index.folder / unit.key
                path.parent.mkdir(parents=True, exist_ok=True)
                if name == "vectors":
                    members = context.catalog.ids("video", context.catalog.shards("video")[unit.shard].tolist())
                    values = random.standard_normal((len(members), WIDTH), np.float32)
                    values /= np.linalg.norm(values, axis=1, keepdims=True)
                    shards.write(path, members, values.astype(np.float16), {})
                    made += 1
                else:
                    path.touch()
                index.record(unit.key, Entry(unit.fingerprint, unit.content, index.made([unit.key])), unit.recipe)
        request.remember(context.graph, choose(context, request), {}, False)
    return made


def measure(folder: Path, count: int) -> None:
    """All cases, one after the other."""
    for size in (FEW, count):
        work = folder / str(size)
        if not work.exists():
            words = [str(work), "--videos", str(size), "--make"]
            subprocess.run([sys.executable, __file__, *words], check=True)  # its memory would show in the figures
        laff = [sys.executable, str(ROOT / "cli.py")]
        for what, verb in (
            ("search, one sentence", ["search", SENTENCE]),
            ("search, one sentence again", ["search", SENTENCE]),
            ("search --json -k 1000", ["search", SENTENCE, "--json", "-k", "1000"]),
        ):
            child(f"{size:,} videos: {what}", [*laff, *verb, "-w", str(work / "work")], lambda said: "shot" in said)


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(given.folder, given.videos)
    else:
        measure(given.folder.resolve(), given.videos)


if __name__ == "__main__":
    main()
