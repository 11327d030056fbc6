"""How well `conse` finds videos by their captions, with nothing trained.

    .venv/bin/python benchmarks/conse.py DATA [--frames 8] [--kf]

DATA holds folders with videos/ and captions.jsonl ({"video": file, "captions": […]}), such as panda and msvd; all
videos are candidates of every caption, of which each video gives its first five. With --kf also msrvtt_kf: its frames
are not at hand, so the classes are those of the mean of their pooled features, which `video.npz` has.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from extractors.conse import Conse, mixture  # noqa: E402
from pipeline.evaluation.metrics import chance, summary  # noqa: E402
from pipeline.graph import stages  # noqa: E402
from pipeline.ranking.ranks import rank  # noqa: E402
from pipeline.ranking.scores import normalised  # noqa: E402
from pipeline.video import reading  # noqa: E402
from pipeline.weights import lookup  # noqa: E402

FOLDERS = ("panda", "msvd")
CAPTIONS = 5  # of a video


def loaded(frames: int) -> Conse:
    """The extractor with the weights of its packages."""
    catalogue = stages.load(ROOT / "stages.yaml").weights
    part = Conse(frames=frames)
    part.load("cpu", *(lookup.obtain(catalogue[name]) for name in (part.weights, part.sentences)))
    return part


def clips(part: Conse, data: Path) -> None:
    """The figures of the captions of each folder, among the videos of all."""
    features, captions, owners, begins = [], [], [], []
    start = time.perf_counter()
    for folder in FOLDERS:
        begins.append(len(captions))
        for line in (data / folder / "captions.jsonl").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            path = data / folder / "videos" / entry["video"]
            seen = reading.probe(path)
            frames = reading.read(path, [part.sampling], seen.packets, seen.fps).arrays[0]
            captions += entry["captions"][:CAPTIONS]
            owners += [len(features)] * len(entry["captions"][:CAPTIONS])
            features.append(part.extract(torch.from_numpy(frames[None]))[0].numpy())
    print(f"{len(features)} videos: {time.perf_counter() - start:.0f} s, {part.frames} frames each, classes' names too")
    scores = normalised(part.extract_text(captions)) @ normalised(np.stack(features)).T
    for folder, begin, end in zip(FOLDERS, begins, [*begins[1:], len(captions)], strict=True):
        print_metrics(folder, scores[begin:end].numpy(), np.array(owners[begin:end]))


def kf(part: Conse, folder: Path) -> None:
    """msrvtt_kf's test split, with the video side that it has and with ours."""
    stored = np.load(folder / "video.npz")
    place = {name: row for row, name in enumerate(stored["ids"].tolist())}
    ids = (folder / "test.txt").read_text().split()
    numbers = [place[name] for name in ids]
    lines = (folder / "test.caption.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split(maxsplit=1) for line in lines]
    texts = normalised(part.extract_text([text for _, text in pairs]))
    owners = np.array([ids.index(name.partition("#")[0]) for name, _ in pairs])
    pooled = torch.from_numpy(stored["effnet_lite2"][numbers].astype(np.float32))
    with torch.no_grad():
        ours = mixture(part.net.classifier(pooled).softmax(dim=1), part.classes, part.best)  # type: ignore[operator]
    for name, values in (("as stored", stored["conse"][numbers].astype(np.float32)), ("from pooled", ours.numpy())):
        print_metrics(f"msrvtt_kf, conse {name}", (texts @ normalised(values).T).numpy(), owners)


def print_metrics(name: str, scores: np.ndarray, owners: np.ndarray) -> None:
    """Print the figures of [Q, N] scores, and those of chance."""
    metrics, guess = summary(rank(scores, owners)), chance(scores.shape[1], np.ones(len(scores), dtype=np.int64))
    figures = ", ".join(f"{key} {metrics[key]:.1f}" for key in ("R@1", "R@5", "R@10", "MedR"))
    print(
        f"{name}: {len(scores)} captions among {scores.shape[1]} videos: {figures}, mAP {metrics['mAP']:.3f} "
        f"(chance: R@1 {guess['R@1']:.1f}, R@5 {guess['R@5']:.1f})"
    )


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--kf", action="store_true")
    given = parser.parse_args()
    part = loaded(given.frames)
    if not all((given.data / folder / "captions.jsonl").is_file() for folder in FOLDERS):
        parser.error(f"{given.data} has no {' and '.join(f'{folder}/captions.jsonl' for folder in FOLDERS)}")
    clips(part, given.data)
    if given.kf:
        kf(part, given.data / "msrvtt_kf")


if __name__ == "__main__":
    main()
