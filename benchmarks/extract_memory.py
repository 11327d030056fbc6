"""Peak memory of `laff run` (all its processes) by the number of videos: it should hardly grow with it.

    .venv/bin/python benchmarks/extract_memory.py --data ../shared/data

Runs the visual extractors of profile small, with random weights, over `--videos` FEW and MANY small clips (droid, or
clips that it makes where --data is missing) in workspaces of their own, and prints one line: MiB for few, MiB for many,
and by how much the second is above the first. Memory is looked at every 50 ms, pages that processes share counted once.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from clips import options, small
from passes import FEATURES, ROOT


def write_collection(folder: Path, paths: Sequence[Path], count: int) -> Path:
    """A collection of `count` videos, the files taken in turns."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"v{number},{paths[number % len(paths)].absolute()}" for number in range(count)]
    (folder / "videos.csv").write_text("\n".join(["video,path", *lines]) + "\n")
    text = "videos: videos.csv\n"
    for split, ids in (("train", range(count - 2)), ("val", [count - 2]), ("test", [count - 1])):
        (folder / f"{split}.txt").write_text("".join(f"v{n}\n" for n in ids))
        (folder / f"{split}.captions.txt").write_text("".join(f"v{n}#0 clip {n}\n" for n in ids))
        text += f"{split}: {{ids: {split}.txt, captions: {split}.captions.txt}}\n"
    (folder / "collection.yaml").write_text(text)
    return folder / "collection.yaml"


def tree_memory(pid: int) -> float:
    """MiB that a process and its descendants take, shared pages shared out."""
    total, waiting = 0, [pid]
    while waiting:
        process = waiting.pop()
        try:
            for task in Path(f"/proc/{process}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
    return total / 1024


def memory(paths: Sequence[Path], folder: Path, count: int) -> float:
    """Peak MiB of a `laff run` of the extractors over `count` videos."""
    collection = write_collection(folder / str(count), paths, count)
    command = [sys.executable, str(ROOT / "cli.py"), "run", "-c", str(collection), "-w", str(folder / f"work{count}")]
    command += ["--stages", str(ROOT / "stages.yaml"), "--profile", "small", "--set", "train.from=[x3d,bow]"]
    process = subprocess.Popen([*command, *FEATURES[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, tree_memory(process.pid))
        time.sleep(0.05)
    if process.returncode:
        sys.exit(f"laff run over {count} videos ended with {process.returncode}")
    return peak


def main() -> None:
    """Print the line."""
    parser = options(__doc__)
    parser.add_argument("--videos", type=int, nargs=2, default=(100, 1000), metavar=("FEW", "MANY"), help="3 at least")
    given = parser.parse_args()
    _, paths = small(given.data, given.work)
    given.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        few, many = (memory(paths, Path(folder), count) for count in given.videos)
    print(f"peak memory: {few:.0f} MiB for {given.videos[0]} videos, {many:.0f} for {given.videos[1]}", end="")
    print(f" ({100 * (many / few - 1):+.1f} %)")


if __name__ == "__main__":
    main()
