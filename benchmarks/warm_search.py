"""Milliseconds of one sentence in a library that stays open: vectors in memory and streamed from files, in turn.

    .venv/bin/python benchmarks/warm_search.py FOLDER --videos 100000 --width 256

Makes FOLDER (once; taken as it is the next time): a collection of so many videos with two imported features of random
numbers, a LAFF of 8 heads on a few of them, and what its stage `vectors` keeps. With `--index FOLDER2`, one that
benchmarks/search_index.py made, its index by conse is asked instead. Both ways answer the same sentences by turns, and
the answers have to be equal, byte for byte.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pipeline.request import Request  # noqa: E402
from pipeline.run import run  # noqa: E402
from pipeline.search.hit import Hit  # noqa: E402
from pipeline.search.library import Library  # noqa: E402
from pipeline.search.weights import Weights  # noqa: E402

WORDS = ("red", "blue", "circle", "square", "dog", "runs", "moves", "left", "right", "up", "beach", "slowly")
MEMORY = 4 << 30  # bytes for vectors
LEARNED = 256  # videos of train, and of val
GRAPH = """
threads: 2
stages:
  ingest: {{step: ingest}}
  one: {{step: import, from: ingest, params: {{file: one.npz, side: video}}}}
  other: {{step: import, from: ingest, params: {{file: other.npz, side: video}}}}
  bow: {{step: extract, uses: extractors.bow.Bow, from: ingest, params: {{threshold: 1}}}}
  w2v: {{step: extract, uses: extractors.w2v.W2v, from: ingest, params: {{dim: 64, epochs: 1}}}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [one, other, bow, w2v]
    params: {{heads: 8, width: {width}, raw: [], epochs: 1, singles: false}}
  vectors: {{step: vectors, from: train}}
"""


def make(folder: Path, count: int, width: int) -> Path:
    """The workspace of a LAFF, made by the stages themselves."""
    folder.mkdir(parents=True, exist_ok=True)
    work, random = folder / "work", np.random.default_rng(0)
    if not work.is_dir():
        ids = [f"v{number:07d}" for number in range(count)]
        splits = {"train": ids[:LEARNED], "val": ids[LEARNED : 2 * LEARNED], "test": ids[2 * LEARNED :]}
        text = "name: warm\n"
        for split, videos in splits.items():
            (folder / f"{split}.ids").write_text("".join(f"{video}\n" for video in videos))
            lines = [f"{video}#0 {' '.join(random.choice(WORDS, 5))}\n" for video in videos[:LEARNED]]
            (folder / f"{split}.txt").write_text("".join(lines))
            text += f"{split}: {{ids: {split}.ids, captions: {split}.txt}}\n"
        (folder / "c.yaml").write_text(text)
        for name, wide in (("one", 512), ("other", 256)):
            np.savez(
                folder / f"{name}.npz", ids=np.array(ids), values=random.standard_normal((count, wide), np.float32)
            )
        (folder / "stages.yaml").write_text(GRAPH.format(width=width))
    run(Request(folder / "c.yaml", work, folder / "stages.yaml", replace=True), ("vectors",))
    return work


def timed(search: Callable[[], list[Hit]]) -> tuple[float, list[Hit]]:
    """Milliseconds of a search, and its hits."""
    start = time.perf_counter()
    hits = search()
    return 1000 * (time.perf_counter() - start), hits


def line(name: str, values: list[float], first: float) -> None:
    """Print the figures of a way."""
    middle, most = statistics.median(values), max(values)
    print(f"{name:34}  first {first:7.0f} ms   then median {middle:6.1f} ms, most {most:6.1f} ms")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=256, help="of each of the 8 heads")
    parser.add_argument("--index", type=Path, help="a folder of search_index.py")
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("-k", type=int, default=24)
    given = parser.parse_args()
    if (given.folder is None) == (given.index is None):
        parser.error("give FOLDER or --index FOLDER2")
    work = given.index / "work" if given.index else make(given.folder, given.videos, given.width)
    random = np.random.default_rng(1)
    sentences = [" ".join(random.choice(WORDS, 5)) for _ in range(given.queries)]
    opened = {}
    for name, memory in (("in memory", MEMORY), ("streamed", 0)):
        start = time.perf_counter()
        opened[name] = Library.open(work, memory=memory)
        print(f"{name}: opened in {time.perf_counter() - start:.2f} s")
    firsts, figures = {}, {name: [] for name in opened}
    for name, library in opened.items():
        firsts[name], _ = timed(partial(library.search, "a first sentence of red", given.k))
    for sentence in sentences:
        answers = []
        for name, library in opened.items():
            spent, hits = timed(partial(library.search, sentence, given.k))
            figures[name].append(spent)
            answers.append(hits)
        assert answers[0] == answers[1], f"the two ways differ on '{sentence}'"
    for name, values in figures.items():
        line(name, values, firsts[name])
    ratio = statistics.median(figures["in memory"]) / statistics.median(figures["streamed"])
    print(f"in memory takes {ratio:.2f} of streamed; {given.queries} answers of {given.k} are equal")
    library = opened["in memory"]
    [weighable] = library.weighable().values()
    for side in ("text", "video"):
        for factor in (0.5, 0.0) if getattr(weighable, side) else ():
            weights = Weights(**{side: {getattr(weighable, side)[0]: factor}})
            first, _ = timed(partial(library.search, sentences[0], given.k, weights))
            again = [timed(partial(library.search, sentences[0], given.k, weights))[0] for _ in range(5)]
            line(f"{side}:{getattr(weighable, side)[0]}={factor}", again, first)
    for note in library.notes(weights) if weighable.video else ():
        print(note)


if __name__ == "__main__":
    main()
