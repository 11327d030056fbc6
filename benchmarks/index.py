"""`laff index` on a folder of real clips: time to the first answer, how well captions find theirs, and increments.

    .venv/bin/python benchmarks/index.py DATA FOLDER [--feature conse] [--droid 16]

DATA holds droid/, panda/ and msvd/ with videos/. FOLDER, which does not exist yet, gets all of panda, msvd in a
subfolder, and some of droid in others, one with spaces and accents. Prints what the commands say, their seconds, R@1
and R@5 of the captions of panda and msvd (the first five of each video) among all videos, and then, of five clips more,
one replaced and one removed, which shards were made again; all others are compared by sha256.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pipeline.search.library import Library  # noqa: E402

CAPTIONS, MORE = 5, 5


def laff(*words: str | Path) -> float:
    """Run a command as a person does; seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, str(ROOT / "cli.py"), *map(str, words)], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def fill(data: Path, folder: Path, droid: list[Path]) -> None:
    """Copy the clips."""
    shutil.copytree(data / "panda" / "videos", folder)
    shutil.copytree(data / "msvd" / "videos", folder / "msvd")
    for number, clip in enumerate(droid):
        name = f"droid/{clip.name}" if number else "Été à la mer/le chat noir.mp4"
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(clip, folder / name)


def recall(data: Path, folder: Path) -> None:
    """How often captions find their video first, and among the first five."""
    library = Library.open(folder)
    for source, below in (("panda", ""), ("msvd", "msvd/")):
        asked: list[tuple[str, str]] = []
        for line in (data / source / "captions.jsonl").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            video = below + entry["video"].rpartition(".")[0]
            asked += [(caption, video) for caption in entry["captions"][:CAPTIONS]]
        answers = library.search_all([caption for caption, _ in asked], 5)
        ranks = [
            [hit.video for hit in hits].index(video) + 1 if video in [hit.video for hit in hits] else 0
            for hits, (_, video) in zip(answers, asked, strict=True)
        ]
        first, five = (100 * sum(0 < rank <= k for rank in ranks) / len(ranks) for k in (1, 5))
        print(f"{source}: {len(ranks)} captions: R@1 {first:.1f}, R@5 {five:.1f}")


def shards(folder: Path) -> dict[str, str]:
    """{shard: sha256}, the ingest's table aside."""
    work = folder / ".laff"
    paths = (path for path in sorted(work.rglob("*.h5")) if path.parent.name != "ingest")
    return {str(path.relative_to(work)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--feature", default="conse")
    parser.add_argument("--droid", type=int, default=16)
    given = parser.parse_args()
    if given.folder.exists():
        parser.error(f"{given.folder} exists; name a new folder")
    droid = sorted((given.data / "droid" / "videos").iterdir())[: given.droid + MORE + 1]
    fill(given.data, given.folder, droid[: given.droid])
    index_seconds = laff("index", given.folder, "--feature", given.feature)
    answer_seconds = laff("search", "a dog runs on the beach", "-k", "3", "-w", given.folder)
    print(f"index {index_seconds:.1f} s, first answer {answer_seconds:.1f} s after it")
    recall(given.data, given.folder)
    before = shards(given.folder)
    for clip in droid[given.droid : given.droid + MORE]:
        shutil.copy(clip, given.folder / "droid" / clip.name)
    panda = sorted(path for path in given.folder.iterdir() if path.suffix == ".mp4")
    shutil.copy(droid[-1], panda[0])
    panda[-1].unlink()
    again = laff("index", given.folder)
    after = shards(given.folder)
    print(f"{MORE} clips more, one replaced, one removed: {again:.1f} s; {len(before)} shards before")
    for what, names in (
        ("new", after.keys() - before.keys()),
        ("made again", {name for name in before.keys() & after.keys() if before[name] != after[name]}),
        ("gone", before.keys() - after.keys()),
    ):
        print(f"  {what}: {', '.join(sorted(names)) or 'none'}")
    print(f"  as they were: {sum(before[name] == after.get(name) for name in before)}")


if __name__ == "__main__":
    main()
