"""Seconds and memory of `laff plan` on a collection of V3C1's size, and of a `laff run` that has nothing to do.

    .venv/bin/python benchmarks/plan.py --shots 1082659 --run 10000

Makes a collection of empty files with one caption each, its videos named by a folder and by a table, and plans with an
empty workspace. Then notes every unit of the shipped stages.yaml as made (its files empty, too), and plans again; at
last runs a second, smaller collection of which all is cached. Each figure is a child process with the command itself:
seconds on the clock, and the most memory it held.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PER_VIDEO = 145  # shots of a video of V3C1, about
KINDS = ("folder", "table")
WORDS = ("a", "man", "woman", "dog", "walks", "along", "the", "street", "while", "it", "rains", "in", "old", "town")


def ids(shots: int) -> list[str]:
    """The ids of shots: shot00001_1, shot00001_2 and so on."""
    return [f"shot{number // PER_VIDEO + 1:05d}_{number % PER_VIDEO + 1}" for number in range(shots)]


def make(folder: Path, shots: int) -> None:
    """folder.yaml and table.yaml, two descriptions of one collection; four fifths to train, a tenth to val and test."""
    videos = folder / "videos"
    videos.mkdir(parents=True)
    names = ids(shots)
    for name in names:
        os.close(os.open(videos / f"{name}.mp4", os.O_CREAT | os.O_WRONLY))
    (folder / "videos.csv").write_text("video,path\n" + "".join(f"{name},videos/{name}.mp4\n" for name in names))
    words = itertools.cycle(WORDS)
    bounds = (0, shots * 8 // 10, shots * 9 // 10, shots)
    splits = ""
    for split, (start, end) in zip(("train", "val", "test"), itertools.pairwise(bounds), strict=True):
        part = names[start:end]
        (folder / f"{split}.ids").write_text("".join(f"{name}\n" for name in part))
        lines = (f"{name}#0 {' '.join(itertools.islice(words, 11))}\n" for name in part)
        (folder / f"{split}.txt").write_text("".join(lines))
        splits += f"{split}: {{ids: {split}.ids, captions: {split}.txt}}\n"
    for kind, source in zip(KINDS, ("videos", "videos.csv"), strict=True):
        (folder / f"{kind}.yaml").write_text(f"name: shots\nvideos: {source}\n{splits}")


def finish(collection: Path, work: Path) -> None:
    """Ingest, then note every unit of every stage as made."""
    sys.path.insert(0, str(ROOT))
    from pipeline.opening import open_context
    from pipeline.plan.plan import stage_plan
    from pipeline.request import Request
    from pipeline.steps import ingest
    from pipeline.store.index import Entry

    request = Request(collection, work, ROOT / "stages.yaml")
    context = open_context(request)
    graph = context.graph
    start = time.perf_counter()
    with context.work.lock():
        context.catalog = ingest.update(context.collection, context.work, ingest.Options())
        print(f"  (ingest {time.perf_counter() - start:.1f} s)", flush=True)
        start, count = time.perf_counter(), 0
        for name in graph.stages:
            if graph.stages[name].step != "ingest":
                index = context.work.index(name)
                for unit in stage_plan(context, name).todo:
                    file = unit.key if unit.key.endswith(".h5") else f"{unit.key}.made"
                    (index.folder / file).parent.mkdir(parents=True, exist_ok=True)
                    (index.folder / file).touch()
                    index.record(unit.key, Entry(unit.fingerprint, unit.content, index.made([file])), unit.recipe)
                    count += 1
    print(f"  ({count} units noted in {time.perf_counter() - start:.1f} s)", flush=True)


def child(what: str, command: list[str], judge: Callable[[str], bool]) -> None:
    """Run it, print how long it took and the most memory it held; stop where it failed or said something else."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        stream.seek(0)
        text = stream.read()
    if process.returncode or not judge(text):
        sys.exit(f"{what}: ended with {process.returncode} and said\n{text}")
    memory = usage.ru_maxrss / 2**20
    print(f"{what:44} {seconds:7.2f} s  {usage.ru_utime + usage.ru_stime:7.2f} s CPU  {memory:5.2f} GiB", flush=True)


def own(*arguments: object) -> None:
    """This script's own work, in a process of its own: a parent's memory would show in its children's figures."""
    subprocess.run([sys.executable, __file__, *map(str, arguments)], check=True)


def measure(folder: Path, shots: int, few: int) -> None:
    """All cases, one after the other."""

    def laff(verb: str, collection: Path, work: Path) -> list[str]:
        options = ["-c", str(collection), "-w", str(work), "--stages", str(ROOT / "stages.yaml")]
        return [sys.executable, str(ROOT / "cli.py"), verb, *options, *(["--json"] if verb == "plan" else [])]

    large, small = folder / "large", folder / "small"
    if not large.exists():
        own("--make", large, "--shots", shots)
    for kind in KINDS:
        collection = large / f"{kind}.yaml"
        what = f"plan, {shots} shots, {kind}"
        child(
            f"{what}, empty workspace",
            laff("plan", collection, folder / "none"),
            lambda output: '"cached": 0' in output,
        )
        if not (folder / f"work-{kind}").exists():
            own("--finish", collection, folder / f"work-{kind}")
        child(f"{what}, all cached", laff("plan", collection, folder / f"work-{kind}"), nothing_missing)
    if not small.exists():
        own("--make", small, "--shots", few)
    if not (folder / "work-small").exists():
        own("--finish", small / "folder.yaml", folder / "work-small")
    command = laff("run", small / "folder.yaml", folder / "work-small")
    child(f"run, {few} videos, nothing to do", command, lambda output: "nothing to do" in output)


def nothing_missing(output: str) -> bool:
    """Whether a plan as JSON has all stages cached."""
    return '"cached"' in output and output.count('"stale": 0') == output.count('"missing": 0') == output.count(
        '"stage"'
    )


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=int, default=1_082_659, help="videos of the large collection")
    parser.add_argument("--run", type=int, default=10_000, help="videos of the one that is run")
    parser.add_argument("--folder", type=Path, help="where all is kept; taken as it is the next time")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--finish", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(given.make, given.shots)
    elif given.finish:
        finish(*given.finish)
    elif given.folder:
        measure(given.folder.resolve(), given.shots, given.run)
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), given.shots, given.run)


if __name__ == "__main__":
    main()
