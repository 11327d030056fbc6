"""Trained weights to start from, two collections as one, and averaged weights, on msrvtt_kf and droid, three seeds.

python benchmarks/training.py DATA WORK [--kills N] [--small]

DATA holds msrvtt_kf and droid. The train split of msrvtt_kf is cut into two collections: `many` has 900 of its 1,000
videos and `few` the other 100; all have its val and test. LAFF learns from few alone, from many, from both together,
and from few starting with the weights that many gave; then the same on clips of droid, whose features conse and
EfficientNet-Lite0 and whose sentences are made as msrvtt_kf's. Trainings from few and on droid are made once with the
best epoch's weights, once with the mean of the last three epochs'; and once on droid with the sentences' BERT inside
the model, beside a training as short as that one. Killed, the same command goes on. At the end the averaged trainings
of few and droid that start from many are made again, with SIGKILL at N random moments: the models have to be equal.
The features are fewer than in msrvtt_kf.yaml (those that droid has too), products are of bfloat16. --small tries the
script itself: few videos, three epochs, one seed; its figures tell nothing.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
FROM = "train.from=[conse, effnet-lite0, minilm, bow, w2v]"
SHOWN = ("R@1", "R@5", "R@10", "MedR", "mAP")
AVERAGED = "train.average=3"
JOINT = "train.joint=[minilm]"


@dataclass(frozen=True)
class Sizes:
    """How much is learned from."""

    few: int  # videos of msrvtt_kf's train split
    many: int  # further ones
    droid: dict[str, int]  # the first clips of each list: features take most of the time
    epochs: dict[str, int]
    short: int  # epochs of droid with BERT inside the model, and beside it
    seeds: str


WHOLE = Sizes(
    few=100,
    many=900,
    droid={"train": 150, "val": 50, "test": 100},
    epochs={"few": 5, "many": 2, "both": 2, "droid": 40},
    short=10,
    seeds="[1, 2, 3]",
)
SMALL = Sizes(
    few=5,
    many=20,
    droid={"train": 40, "val": 4, "test": 4},
    epochs={"few": 3, "many": 3, "both": 3, "droid": 3},
    short=1,
    seeds="[1]",
)


def write_collections(data: Path, work: Path, sizes: Sizes) -> None:
    """Write many.yaml, few.yaml, both.yaml and droid.yaml, with links to the files of features beside them."""
    work.mkdir(parents=True, exist_ok=True)
    source = data / "msrvtt_kf"
    for name in ("video.npz", "frames.npz", "text.npz", "glove50.txt"):
        if not (work / name).exists():
            (work / name).symlink_to((source / name).resolve())
    ids = (source / "train.txt").read_text(encoding="utf-8").split()
    order = np.random.default_rng(0).permutation(ids).tolist()
    chosen = {"few": set(order[: sizes.few]), "many": set(order[sizes.few : sizes.few + sizes.many])}
    captions = (source / "train.caption.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    ends = [
        f"{split}: {{ids: {source / split}.txt, captions: {source / split}.caption.txt}}" for split in ("val", "test")
    ]
    for name in ("few", "many"):
        taken = [video for video in ids if video in chosen[name]]
        lines = [line for line in captions if line.partition("#")[0] in chosen[name]]
        (work / f"{name}.txt").write_text("".join(f"{video}\n" for video in taken), encoding="utf-8")
        (work / f"{name}.caption.txt").write_text("".join(lines), encoding="utf-8")
        own = f"train: {{ids: {name}.txt, captions: {name}.caption.txt}}"
        (work / f"{name}.yaml").write_text("\n".join([f"name: {name}", own, *ends]) + "\n", encoding="utf-8")
    both = "train: [{collection: many.yaml, prefix: ''}, {collection: few.yaml, prefix: ''}]"
    (work / "both.yaml").write_text("\n".join(["name: both", both, *ends]) + "\n", encoding="utf-8")
    splits = []
    for split, count in sizes.droid.items():
        clips = (data / "droid" / f"{split}.txt").read_text(encoding="utf-8").split()[:count]
        (work / f"droid.{split}.txt").write_text("".join(f"{clip}\n" for clip in clips), encoding="utf-8")
        lines = (data / "droid" / f"{split}.caption.txt").read_text(encoding="utf-8").splitlines(keepends=True)
        mine = [line for line in lines if line.partition("#")[0] in set(clips)]
        (work / f"droid.{split}.caption.txt").write_text("".join(mine), encoding="utf-8")
        splits.append(f"{split}: {{ids: droid.{split}.txt, captions: droid.{split}.caption.txt}}")
    text = "\n".join(["name: droid", f"videos: {data / 'droid' / 'videos'}", *splits]) + "\n"
    (work / "droid.yaml").write_text(text, encoding="utf-8")


def command(work: Path, sizes: Sizes, name: str, run: str, sets: tuple[str, ...], place: str = "") -> list[str]:
    """The `laff run` of a collection, as far as metrics; place: its workspace, that of the collection if not said."""
    stages = HERE / ("training_droid.yaml" if name == "droid" else "msrvtt_kf.yaml")
    settings = [f"train.epochs={sizes.epochs[name]}", "train.patience=0", "train.precision=bfloat16"]
    settings += [f"train.seeds={sizes.seeds}", *sets]
    settings += [] if name == "droid" else [FROM, "train.baselines={}"]
    words = [sys.executable, str(HERE.parent / "cli.py"), "run", "evaluate", "-c", str(work / f"{name}.yaml")]
    words += ["-w", str(work / (place or f"{name}.work")), "--stages", str(stages)]
    return [*words, *(["--name", run] if run else []), *(word for text in settings for word in ("--set", text))]


def row(work: Path, name: str, run: str, model: str = "laff") -> str:
    """The figures of a run, mean ± std over its seeds."""
    folder = work / f"{name}.work" / "runs" / run
    metrics = json.loads((folder / "evaluate" / "metrics.json").read_text(encoding="utf-8"))["models"][model]["t2v"]
    cells = []
    for metric in SHOWN:
        seeds = metrics[metric]["seeds"]
        digits = 3 if metric == "mAP" else 1
        spread = f" ± {statistics.stdev(seeds):.{digits}f}" if len(seeds) > 1 else ""
        cells.append(f"{statistics.mean(seeds):.{digits}f}{spread}")
    return " | ".join(cells)


def killed(work: Path, sizes: Sizes, name: str, sets: tuple[str, ...], kills: int) -> bool:
    """Whether the averaged training of seed 1 that starts from many ends equal after SIGKILL at random moments."""
    place, rng = f"{name}.killed", random.Random(1)
    features = shutil.ignore_patterns("runs", "train", "rank", "evaluate")  # all but what is to be made again
    shutil.rmtree(work / place, ignore_errors=True)
    shutil.copytree(work / f"{name}.work", work / place, ignore=features)
    words = command(work, sizes, name, "", (*sets, "train.checkpoint=1"), place)
    words += ["--set", "train.seeds=[1]"]
    done = 0
    while True:
        trained = work / place / "train" / "laff" / "seed1" / "best.pt"
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not trained.exists():  # from the first checkpoint on
            time.sleep(0.1)
        wait = rng.uniform(1, 10) if done < kills else 3600.0
        start = time.monotonic()
        while process.poll() is None and time.monotonic() - start < wait:
            time.sleep(0.1)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        done += 1
    whole = work / f"{name}.work" / "runs" / "from-many-averaged" / "train" / "laff" / "seed1" / "best.pt"
    equal = process.returncode == 0 and trained.read_bytes() == whole.read_bytes()
    print(f"{name}: killed {done} times; the model equals that of an undisturbed run: {equal}", flush=True)
    return equal


def main() -> int:
    """All runs, the table, and the kills; 1 where one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    data, work, sizes = given.data.resolve(), given.work.resolve(), SMALL if given.small else WHOLE
    write_collections(data, work, sizes)
    short = f"train.epochs={sizes.short}"
    start = f"train.init={work / 'many.work' / 'runs' / 'alone'}"
    runs: list[tuple[str, str, tuple[str, ...]]] = [
        ("many", "alone", ()),
        ("few", "alone", ()),
        ("few", "averaged", (AVERAGED,)),
        ("few", "from-many", (start,)),
        ("few", "from-many-averaged", (start, AVERAGED)),
        ("droid", "alone", ()),
        ("droid", "averaged", (AVERAGED,)),
        ("droid", "from-many", (start,)),
        ("droid", "from-many-averaged", (start, AVERAGED)),
        ("droid", "short", (short,)),
        ("droid", "joint-bert", (short, JOINT)),
        ("both", "alone", ()),
    ]
    for name, run, sets in runs:
        if subprocess.call(command(work, sizes, name, run, sets), stdout=subprocess.DEVNULL):
            return 1
    print(f"| learned from | {' | '.join(SHOWN)} |\n|{'---|' * (len(SHOWN) + 1)}")
    for name, run, _ in runs:
        print(f"| {name}, {run} | {row(work, name, run)} |")
    for name in ("few", "droid"):
        print(f"| conse and minilm alone, {name} | {row(work, name, 'alone', 'conse')} |")
    equal = [killed(work, sizes, name, (start, AVERAGED), given.kills) for name in ("few", "droid")]
    return 0 if all(equal) else 1


if __name__ == "__main__":
    sys.exit(main())
