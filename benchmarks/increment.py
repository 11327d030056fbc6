"""What an increment costs: 950 droid clips done, 50 added to the test split, then one clip replaced.

    .venv/bin/python benchmarks/increment.py ../shared/data WORK

Extracts features of profile small (`laff run x3d ircsn tf bow w2v`) over 950 clips, then again with 50 clips more, then
with one clip's file replaced by another's. Prints for each run the shards it made, the finished shards that it made
anew (which should be none but the replaced clip's), the seconds of decode and extraction that `laff` counts, and the
wall time of the whole command; and what the second costs in per cent of the first.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FEATURES = ("x3d", "ircsn", "tf", "bow", "w2v")
ADDED = 50


@dataclass
class Run:
    """What one `laff run` did."""

    wall: float
    seconds: float
    made: list[str]
    again: list[str]


def lines(path: Path) -> list[str]:
    """A file's lines."""
    return path.read_text(encoding="utf-8").splitlines()


def write_collection(data: Path, folder: Path, left_out: int) -> Path:
    """Write the collection of droid without the last `left_out` clips of test."""
    folder.mkdir(parents=True, exist_ok=True)
    droid = data / "droid"
    text = "name: droid\nvideos: videos\n"
    for split in ("train", "val", "test"):
        ids = lines(droid / f"{split}.txt")
        kept = ids[: len(ids) - left_out] if split == "test" else ids
        captions = [line for line in lines(droid / f"{split}.caption.txt") if line.partition("#")[0] in set(kept)]
        (folder / f"{split}.txt").write_text("\n".join(kept) + "\n")
        (folder / f"{split}.captions.txt").write_text("\n".join(captions) + "\n")
        text += f"{split}: {{ids: {split}.txt, captions: {split}.captions.txt}}\n"
    (folder / "collection.yaml").write_text(text)
    return folder / "collection.yaml"


def shards(work: Path) -> dict[str, tuple[int, int]]:
    """{shard: inode, mtime}, the ingest's table aside."""
    paths = [path for path in sorted(work.rglob("*.h5")) if path.parent.name != "ingest"]
    return {str(path.relative_to(work)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def run(collection: Path, work: Path) -> Run:
    """`laff run` of the features."""
    before = shards(work)
    log = work / "times.jsonl"
    old_lines = len(lines(log)) if log.exists() else 0
    command = [sys.executable, str(ROOT / "cli.py"), "run", "-c", str(collection), "-w", str(work)]
    start = time.perf_counter()
    subprocess.run(
        [*command, "--stages", str(ROOT / "stages.yaml"), "--profile", "small", *FEATURES],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wall = time.perf_counter() - start
    units = [json.loads(line) for line in lines(log)[old_lines:]]
    seconds = sum(unit["seconds"] for unit in units if unit["stage"] != "ingest")
    after = shards(work)
    made = [name for name in after if after[name] != before.get(name)]
    return Run(wall, seconds, made, [name for name in made if name in before])


def tell(name: str, finished: Run) -> None:
    """One line of figures."""
    print(
        f"{name}: {len(finished.made)} shards made, {len(finished.again)} of them anew; "
        f"decode and extraction {finished.seconds:.1f} s, the command {finished.wall:.1f} s"
    )


def main() -> None:
    """Print the figures of three runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path, help="a folder that does not exist yet")
    given = parser.parse_args()
    if given.work.exists():
        sys.exit(f"{given.work} exists; name a new folder, since the first run should start from nothing")
    folder, work = given.work / "collection", given.work / "work"
    collection = write_collection(given.data, folder, ADDED)
    shutil.copytree(given.data / "droid" / "videos", folder / "videos")
    first = run(collection, work)
    tell("950 clips", first)
    write_collection(given.data, folder, 0)
    more = run(collection, work)
    tell("50 added to test", more)
    share, wall = 100 * more.seconds / first.seconds, 100 * more.wall / first.wall
    print(f"  {share:.1f} % of the first extraction's seconds, {wall:.1f} % of the command's")
    first, second = (folder / "videos" / f"{name}.mp4" for name in lines(folder / "train.txt")[:2])
    shutil.copy(second, first)
    replaced = run(collection, work)
    tell("one clip replaced", replaced)
    print(f"  made anew: {', '.join(replaced.again)}")
    tell("nothing changed", run(collection, work))


if __name__ == "__main__":
    main()
