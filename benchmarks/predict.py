"""What it costs to find 60,000 captions' videos among 3,000 with the authors' LAFF, the GRU inside it, part by part.

python benchmarks/predict.py [--captions 60000] [--videos 3000]

One thread and its CPU time, on synthetic features and captions of MSR-VTT's shape (`train_step.py`); the parts are
those of step rank: embedding, and both ways scores, ranks with average precisions, the best 100 and the file of a run.
"""

import argparse
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from train_step import Clock, matrix_product, model, split

from pipeline.ranking.embed import blocks, each_text, embed
from pipeline.ranking.ranks import rank
from pipeline.ranking.scores import Scored, of_vectors
from pipeline.ranking.top import top_k
from pipeline.runfiles import trec
from pipeline.workers import malloc

K = 100  # items of a run for each query


def parts(captions: int, videos: int, clock: Clock) -> Iterator[tuple[str, float]]:
    """(name, seconds) of each part, as it ends; whoever does something in between looks at the clock afterwards."""
    test = split(captions, videos, joint=True)
    laff = model(joint=True).eval()
    clock.now()
    take, count = each_text(laff, test, np.arange(captions))
    yield "GRU", clock.now() / 1000
    texts = embed(laff.embed_text, take, count)
    yield "texts", clock.now() / 1000
    scored = Scored([of_vectors(texts, embed(laff.embed_video, test.video_rows, videos))], np.arange(captions), videos)
    yield "videos", clock.now() / 1000
    video_of = test.video_of.numpy()
    captions_of = np.split(np.argsort(video_of, kind="stable"), np.cumsum(np.bincount(video_of))[:-1])
    ways = {
        "of videos": (scored.of_captions, captions, videos, lambda block: video_of[block]),
        "of captions": (scored.of_videos, videos, captions, lambda block: [captions_of[video] for video in block]),
    }
    for way, (scores_of, queries, items, relevant) in ways.items():
        scores = ranks = best = 0.0
        ranked = []
        for block in blocks(np.arange(queries), items):
            values = scores_of(block)
            scores += clock.now()
            rank(values, relevant(block))
            ranks += clock.now()
            ranked.append((block, *top_k(values, K)))
            best += clock.now()
        yield f"scores {way}", scores / 1000
        yield f"ranks {way}", ranks / 1000
        yield f"best {K} {way}", best / 1000
        names = [f"video{number}" for number in range(max(queries, items))]
        with TemporaryDirectory() as folder:
            entries = (row for block in ranked for row in trec.named(names, block[0], names, *block[1:]))
            trec.write_run(Path(folder) / "run.trec.gz", entries, "laff")
        yield f"run {way}", clock.now() / 1000


def main() -> int:
    """Print the parts, their sum, and what compares machines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, default=60_000)
    parser.add_argument("--videos", type=int, default=3_000)
    given = parser.parse_args()
    malloc.keep()
    torch.set_num_threads(1)
    clock, total, files, speed = Clock("cpu"), 0.0, 0.0, 0.0
    for name, seconds in parts(given.captions, given.videos, clock):
        print(f"{name:20} {seconds:6.1f} s", flush=True)
        total += seconds
        files += seconds if name.startswith(("best", "run")) else 0.0
        speed = max(speed, matrix_product(clock))  # looks at the clock when it is done: it is in no part
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{'all':20} {total:6.1f} s, {total - files:.1f} without run files; product {speed:.0f} GFLOP/s; "
        f"peak memory {peak:.2f} GiB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
