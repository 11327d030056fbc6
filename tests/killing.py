"""Runs that get SIGKILL at a chosen moment: python tests/killing.py FOLDER PHASE…, where collection.yaml and
stages.yaml lie in FOLDER.

For each moment a fresh workspace FOLDER/<phase>-<n>: a run that dies there, then the same run undisturbed. Writes a
line of JSON for each. A child is forked for each run from a process that has imported everything, so that dozens are
quick.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

FEATURES = ("bright", "dark", "bow")
# How often something happened before the run dies of it. The run has 4 shards of 4 videos, 3 of 8 captions.
MOMENTS = {
    "open": (0, 5, 9, 15),
    "decode": (1, 4, 10, 13),
    "forward": (1, 3, 6, 8),
    "write": (1, 12, 25, 40),
    "flush": (1, 3, 8, 16),
    "rename": (1, 2, 7, 14),
    "renamed": (1, 2, 6, 13),
    "record": (1, 2, 5, 13),
    "ledger": (1, 2, 3, 5),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def read(phase: str, victim: str, job: Any) -> Any:
    """In a decoder process: read as always, but end the run (and with it this process) amid the victim."""
    from pipeline.extraction import decoding
    from pipeline.video import reading

    if Path(job[0]).name != victim:
        return decoding.read(job)
    opened, pictures = reading.opened, reading.pictures

    def end() -> None:
        os.kill(os.getppid(), signal.SIGKILL)

    @contextmanager
    def open_and_end(path: Path) -> Iterator[Any]:
        with opened(path) as found:
            end()
            yield found

    def decode_and_end(*given: Any) -> Iterator[Any]:
        for number, picture in enumerate(pictures(*given)):
            if number == 3:
                end()
            yield picture

    if phase == "open":
        reading.opened = open_and_end
        return reading.probe(Path(job[0]))
    reading.pictures = decode_and_end
    return decoding.read(job)


def arm(phase: str, count: int) -> None:
    """Let this process die at a moment."""
    import h5py

    from extractors.brightness import Brightness
    from pipeline.extraction import decoding
    from pipeline.store import ledger
    from pipeline.store.index import Index

    def after(function: Callable[..., Any], first: bool = True) -> Callable[..., Any]:
        """The function, deadly at its count-th call: before it does anything, or when it is done."""
        calls = 0

        def counted(*given: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == count and first:
                die()
            result = function(*given, **more)
            if calls == count:
                die()
            return result

        return counted

    if phase in ("open", "decode"):
        decoding.read = partial(read, phase, f"{count:02d}.mp4")  # type: ignore[assignment]
    elif phase == "forward":
        Brightness.extract = after(Brightness.extract)  # type: ignore[method-assign]
    elif phase == "write":
        h5py.Group.create_dataset = after(h5py.Group.create_dataset, first=False)
    elif phase == "flush":
        os.fsync = after(os.fsync)
    elif phase in ("rename", "renamed"):
        Path.replace = after(Path.replace, first=phase == "rename")  # type: ignore[method-assign]
    elif phase == "record":
        Index.record = after(Index.record)  # type: ignore[method-assign]
    elif phase == "ledger":
        ledger.write = after(ledger.write)  # type: ignore[assignment]


def run(folder: Path, work: Path, phase: str = "", count: int = 0) -> int:
    """A run in a forked child -> its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        from pipeline.run import Request
        from pipeline.run import run as run_stages

        if phase:
            arm(phase, count)
        run_stages(Request(folder / "collection.yaml", work, folder / "stages.yaml"), FEATURES)
        status = 0
    finally:
        os._exit(status)


def shards(work: Path) -> dict[str, list[int]]:
    """{shard: inode, mtime}."""
    found = sorted(path for path in work.glob("*/0*.h5"))
    return {str(path.relative_to(work)): [path.stat().st_ino, path.stat().st_mtime_ns] for path in found}


def tell(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main() -> None:
    folder, phases = Path(sys.argv[1]), sys.argv[2:]
    here = Path(__file__).resolve().parent
    sys.path[:1] = [str(here.parent), str(here)]  # the project first: tests/ has folders of the same names
    import killing  # `read` by this name, so that the decoder processes find it
    import torch

    import pipeline.steps.decode
    import pipeline.steps.extract  # noqa: F401  (all that a run imports, once)

    torch.set_num_threads(1)
    tell({"moment": "none", "status": killing.run(folder, folder / "none")})
    for phase in phases:
        for count in MOMENTS[phase]:
            work = folder / f"{phase}-{count}"
            killed = killing.run(folder, work, phase, count)
            before = shards(work)
            status = killing.run(folder, work)
            after = shards(work)
            said = {
                "moment": work.name,
                "killed": killed,
                "status": status,
                "whole": len(before),
                "again": [name for name in before if before[name] != after.get(name)],
                "left": [str(path) for path in work.rglob("*.partial")],
            }
            tell(said)


if __name__ == "__main__":
    main()
