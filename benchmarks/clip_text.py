"""What CLIP's text tower gains by leaving out the places that a caption does not need, with random weights.

    .venv/bin/python benchmarks/clip_text.py CAPTIONS [--threads 2 1] [--count 512] [--rounds 3] [--no-step]

CAPTIONS is a file with lines "ID text", such as msrvtt10ktest.caption.txt. Measures, each of them before (all places,
256 captions in a forward, as open_clip runs) and after in turn, so that whatever else the machine does falls on both:
captions a second of `extract_text`, the milliseconds of one sentence as a search reads it, and the seconds of a step of
fine-tuning. Prints the best and the median of the rounds, by wall time and by CPU time (on a busy machine the second
says more), and the largest difference between the vectors of both ways.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from extractors.base import Pairs  # noqa: E402
from extractors.clip_ft import ClipFt  # noqa: E402
from extractors.text_side import text_side  # noqa: E402

BLOCK = 256  # captions of one forward before
QUESTIONS = 12
BATCH, FRAMES = 8, 8  # of a step
Took = list[tuple[float, float]]  # seconds of wall time and of CPU time


class Whole(ClipFt):
    """CLIP whose text tower runs over all places."""

    def encode_texts(self, tokens: Tensor) -> Tensor:
        """[B, context] int64 -> [B, D] float32."""
        features: Tensor = self.net.encode_text(tokens)
        return features

    @torch.no_grad()
    def extract_text(self, captions: Sequence[str]) -> np.ndarray:
        """C texts -> [C, D] float32."""
        blocks = self.tokens(captions).split(BLOCK)
        return np.concatenate([self.encode_texts(block).numpy() for block in blocks])


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--model", default="ViT-B-32-quickgelu")
    parser.add_argument("--threads", nargs="+", type=int, default=[2, 1])
    parser.add_argument("--count", type=int, default=2 * BLOCK, help="captions of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-step", action="store_true", help="leave the steps of fine-tuning out")
    given = parser.parse_args()
    lines = given.captions.read_text(encoding="utf-8").splitlines()
    chosen = np.random.default_rng(0).permutation(len(lines))[: given.count]
    captions = [lines[row].partition(" ")[2].strip() for row in chosen]
    before, after = (kind(model=given.model, frames=FRAMES, weights="random") for kind in (Whole, ClipFt))
    for part in (before, after):
        part.load("cpu", None)
    question = text_side(ClipFt(model=given.model, weights="random"))
    question.load_state({"model": after.net.state_dict()}, "cpu")
    places = after.tokens(captions).argmax(dim=1) + 1
    print(f"{given.model}, {len(captions)} captions of {places.float().mean():.1f} places, {int(places.max())} at most")
    for threads in given.threads:
        torch.set_num_threads(threads)
        wanted, found, asked = before.extract_text(captions), after.extract_text(captions), question.extract_text
        print(f"{threads} thread(s); largest value {np.abs(wanted).max():.2f}, largest difference", end=" ")
        print(f"{np.abs(found - wanted).max():.1e}, as a search reads them", end=" ")
        print(f"{np.abs(asked(captions[:QUESTIONS]) - wanted[:QUESTIONS]).max():.1e}")
        ways = {"before": before.extract_text, "after": after.extract_text}
        took = by_turns({name: lambda way=way: way(captions) for name, way in ways.items()}, given.rounds)  # type: ignore[misc]
        report("captions/s", took, lambda seconds: len(captions) / seconds)
        ways = {"before": before.extract_text, "after": asked}
        sentences = {
            name: lambda way=way: [way([caption]) for caption in captions[:QUESTIONS]]  # type: ignore[misc]
            for name, way in ways.items()
        }
        report("ms a sentence", by_turns(sentences, given.rounds), lambda seconds: seconds / QUESTIONS * 1000)
        if not given.no_step:
            took = by_turns({"before": step(before, captions), "after": step(after, captions)}, given.rounds)
            report(f"s a step of {BATCH} captions, {FRAMES} frames a video", took, lambda seconds: seconds)


def by_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, Took]:
    """Run each way once in each round -> what each round took."""
    took: dict[str, Took] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter(), time.process_time()
            way()
            took[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return took


def report(what: str, took: dict[str, Took], figure: Callable[[float], float]) -> None:
    """Print a figure of the best and the median round of both ways, and how many times faster the second is."""
    for clock, name in enumerate(("wall", "CPU")):
        seconds = {way: [one[clock] for one in each] for way, each in took.items()}
        texts = [f"{way} {figure(min(s)):.1f} ({figure(statistics.median(s)):.1f})" for way, s in seconds.items()]
        ratios = [kind(seconds["before"]) / kind(seconds["after"]) for kind in (min, statistics.median)]
        print(f"  {what}, {name}: {', '.join(texts)}: {ratios[0]:.2f} times ({ratios[1]:.2f})", flush=True)


def step(clip: ClipFt, captions: Sequence[str]) -> Callable[[], object]:
    """A forward and a backward of the fine-tuning task on random frames; an optimizer takes the same for both."""
    size = clip.config.size
    frames = np.random.default_rng(1).integers(0, 256, (BATCH, FRAMES, size, size, 3), dtype=np.uint8)
    pairs = Pairs(list(captions[:BATCH]), np.arange(BATCH), frames)
    task = clip.task(pairs, pairs, lambda cosines, scale, _: cross_entropy(scale * cosines, torch.arange(len(cosines))))

    def run() -> None:
        task.loss(torch.arange(BATCH)).backward()
        task.model.zero_grad(set_to_none=True)
        task.model.eval()

    return run


if __name__ == "__main__":
    main()
