"""The circumstances of a workspace's runs: the command that repeats one, when it ran, on what, with which versions.

Each run has them beside its settings, in WORK/runs/NAME/circumstances.json: a list, the newest last.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.store import machine
from pipeline.store.workspace import RUNS

FILE = "circumstances.json"
MOST = 20  # times that a run was made, of which it keeps the circumstances


@dataclass(frozen=True)
class Circumstances:
    """How a run was made at one time."""

    command: str  # the shell command that repeats it, quoted, with full paths
    time: str  # when it began, ISO 8601 in UTC
    seconds: float | None  # how long it took; None where it has not ended, or was cut off
    stages: tuple[str, ...] = ()  # those that it had to make
    versions: dict[str, str] = field(default_factory=dict)  # of laff, python and the packages that compute
    hardware: dict[str, Any] = field(default_factory=dict)  # machine, cpu, cores, memory, gpus
    commit: str = ""  # of laff, where it is a git checkout; -dirty behind it where files differ


def path(root: Path, run: str) -> Path:
    """The file with the circumstances of a run."""
    return root / RUNS / run / FILE


def now(command: str, stages: Sequence[str] = ()) -> Circumstances:
    """The circumstances of a run that begins now."""
    begun = datetime.now(UTC).isoformat(timespec="seconds")
    return Circumstances(command, begun, None, tuple(stages), machine.versions(), machine.hardware(), machine.commit())


def read(root: Path, run: str) -> list[Circumstances]:
    """The circumstances of a run each time that it was made, the newest last; [] where none are known."""
    known = files.read_json(path(root, run), [])
    names = {one.name for one in fields(Circumstances)}
    entries = [entry for entry in known if isinstance(entry, dict)] if isinstance(known, list) else []
    return [
        Circumstances(**{key: value for key, value in entry.items() if key in names} | {"stages": (*entry["stages"],)})
        for entry in entries
        if {"command", "time", "seconds", "stages"} <= entry.keys()
    ]


def last(root: Path, run: str, stages: Sequence[str] = ()) -> Circumstances | None:
    """The circumstances in which a run was made last; of these stages, if given: the last that made one of them."""
    found = [one for one in read(root, run) if not stages or set(stages) & set(one.stages)]
    return found[-1] if found else None


def write(root: Path, run: str, circumstances: Circumstances) -> None:
    """Add the circumstances of a run; those that began at the same time are replaced."""
    others = [one for one in read(root, run) if one.time != circumstances.time]
    files.write_json(path(root, run), [asdict(one) for one in [*others, circumstances][-MOST:]])


@contextmanager
def noted(root: Path, run: str, command: str, stages: Sequence[str]) -> Iterator[None]:
    """Write the circumstances of a run that makes stages inside the block: at first without its seconds."""
    circumstances, start = now(command, stages), time.perf_counter()
    write(root, run, circumstances)
    yield
    write(root, run, replace(circumstances, seconds=round(time.perf_counter() - start, 1)))
