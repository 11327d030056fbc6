"""What it costs to find 60,000 captions' videos among 3,000 with the authors' LAFF, the GRU inside it, part by part.

python benchmarks/predict.py [--captions 60000] [--videos 3000]

One thread and its CPU time, on synthetic features and captions of MSR-VTT's shape (`train_step.py`); the parts are
those of step rank: embedding, scores, and ranks and average precisions both ways, without writing run files.
"""

import argparse
import resource
import sys
from collections.abc import Iterator

import numpy as np
import torch
from train_step import Clock, matrix_product, model, split

from pipeline import heap, metrics
from pipeline.scores import Scored, of_vectors
from pipeline.steps.rank import blocks, each_text, embed


def parts(captions: int, videos: int) -> Iterator[tuple[str, float]]:
    """(name, seconds) of each part, as it ends."""
    test = split(captions, videos, joint=True)
    laff = model(joint=True).eval()
    clock = Clock("cpu")
    take, count = each_text(laff, test, np.arange(captions))
    yield "GRU", clock.now() / 1000
    texts = embed(laff.embed_text, take, count)
    yield "texts", clock.now() / 1000
    scored = Scored([of_vectors(texts, embed(laff.embed_video, test.video_rows, videos))], np.arange(captions), videos)
    yield "videos", clock.now() / 1000
    scores = ranks = 0.0
    video_of = test.video_of.numpy()
    for block in blocks(np.arange(captions)):
        found = scored.of_captions(block)
        scores += clock.now()
        metrics.rank(found, video_of[block])
        ranks += clock.now()
    yield "scores", scores / 1000
    yield "ranks of videos", ranks / 1000
    own = np.split(np.argsort(video_of, kind="stable"), np.cumsum(np.bincount(video_of))[:-1])
    for block in blocks(np.arange(videos)):
        metrics.rank(scored.of_videos(block), [own[video] for video in block])
    yield "ranks of captions", clock.now() / 1000


def main() -> int:
    """Print the parts, their sum, and what compares machines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, default=60_000)
    parser.add_argument("--videos", type=int, default=3_000)
    given = parser.parse_args()
    heap.keep()
    torch.set_num_threads(1)
    clock, total, speed = Clock("cpu"), 0.0, 0.0
    for name, seconds in parts(given.captions, given.videos):
        speed = max(speed, matrix_product(clock))
        print(f"{name:18} {seconds:6.1f} s", flush=True)
        total += seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{'all':18} {total:6.1f} s; product {speed:.0f} GFLOP/s; peak memory {peak:.2f} GiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
