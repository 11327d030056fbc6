"""A run that gets SIGKILL at a chosen moment, as a function for a process that `forked` starts."""

from __future__ import annotations

import os
import signal
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
    from pipeline.video import probing, reading

    if Path(job.clips[0].path).name != victim:
        return decoding.read(job)
    opened, pictures = probing.opened, reading.pictures

    def end() -> None:
        os.kill(os.getppid(), signal.SIGKILL)

    @contextmanager
    def open_and_end(path: Path) -> Iterator[Any]:
        with opened(path) as container:
            end()
            yield container

    def decode_and_end(*given: Any) -> Iterator[Any]:
        for number, picture in enumerate(pictures(*given)):
            if number == 3:
                end()
            yield picture

    if phase == "open":
        probing.opened = open_and_end
        return probing.probe(Path(job.clips[0].path))
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


def run(folder: str, work: str, phase: str = "", count: int = 0) -> None:
    """A run of the collection and stages in `folder`; it dies at the count-th moment of a phase."""
    import torch

    from pipeline.request import Request
    from pipeline.run import run as run_stages

    torch.set_num_threads(1)
    if phase:
        arm(phase, count)
    run_stages(Request(Path(folder) / "collection.yaml", Path(work), Path(folder) / "stages.yaml"), FEATURES)
