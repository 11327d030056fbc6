"""What the last run of a workspace was given, in WORK/run.yaml, so that a later command needs nothing but -w.

Each run keeps the same in WORK/runs/NAME/run.yaml, main too, whose stages stand in WORK itself.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from pipeline import files, yamls
from pipeline.errors import LaffError
from pipeline.store.workspace import MAIN, RUNS

FILE = "run.yaml"
HEADER = "# What the last run here was given. A command that is given -w alone, without -c, takes it from this file.\n"


@dataclass(frozen=True)
class Memory:
    """The settings of a run."""

    collection: Path  # collection.yaml
    stages: Path | None = None  # the stages file; None: the one that laff ships
    profile: str | None = None
    sets: tuple[str, ...] = ()  # stage.param=value, in order
    run: str = MAIN  # the name of the run
    differs: tuple[str, ...] = ()  # how its settings differ from those of the main run, in words
    replacing: Mapping[str, str] = field(default_factory=dict)  # stage -> fingerprint that may replace older results
    settings: Mapping[str, Any] = field(default_factory=dict)  # of a run: what tells it from others, by stage


def path(root: Path, run: str = "") -> Path:
    """Where the settings of the last run stand; with `run`, those of the run of this name."""
    return root / RUNS / run / FILE if run else root / FILE


def read(root: Path, run: str = "") -> Memory | None:
    """What a workspace remembers, of its last run or of the run of a name; None where it remembers nothing.

    LaffError where the file is not as `write` leaves it.
    """
    file = path(root, run)
    if not file.is_file():
        return None
    try:
        return _memory(yamls.load(file), root)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LaffError(f"{file}: is not as laff wrote it ({error}); delete it, and give -c once") from None


def _memory(content: Any, root: Path) -> Memory:
    stages, profile = content.get("stages"), content.get("profile")
    sets, differs, replacing, settings = (content.get(key) or kind() for key, kind in _KINDS.items())
    if not (isinstance(sets, list) and isinstance(differs, list)):
        raise ValueError("set and differs should be lists")
    if not (isinstance(replacing, dict) and isinstance(settings, dict)):
        raise ValueError("replacing and settings should be mappings")
    return Memory(
        _resolved(content["collection"], root),
        _resolved(stages, root) if stages else None,
        str(profile) if profile else None,
        tuple(map(str, sets)),
        str(content.get("run") or MAIN),
        tuple(map(str, differs)),
        {str(stage): str(print_) for stage, print_ in replacing.items()},
        {str(stage): value for stage, value in settings.items() if isinstance(value, dict)},
    )


_KINDS: dict[str, type] = {"set": list, "differs": list, "replacing": dict, "settings": dict}


def write(root: Path, memory: Memory, trains: bool = True) -> None:
    """Let the workspace remember this as its last run and, where it `trains`, as what the run of its name was given."""
    content = {
        "collection": _told(memory.collection, root),
        "stages": _told(memory.stages, root) if memory.stages else None,
        "profile": memory.profile,
        "set": list(memory.sets),
        "run": memory.run,
        "differs": list(memory.differs),
        "replacing": dict(memory.replacing),
        "settings": dict(memory.settings),
    }
    text = HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    for file in ([path(root, memory.run)] if trains else []) + [path(root)]:
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            files.write_text(file, text)


def settle(root: Path, stages: Iterable[str]) -> None:
    """Forget what may be replaced of these stages: they stand as somebody wanted them."""
    known, done = read(root), set(stages)
    if known and done.intersection(known.replacing):
        left = {stage: print_ for stage, print_ in known.replacing.items() if stage not in done}
        write(root, replace(known, replacing=left), trains=False)


def runs(root: Path) -> dict[str, Memory]:
    """Name -> settings of the runs beside main, by name."""
    found = {file.parent.name: read(root, file.parent.name) for file in sorted(root.glob(f"{RUNS}/*/{FILE}"))}
    return {name: memory for name, memory in found.items() if memory and name != MAIN}


def _told(file: Path, root: Path) -> str:
    """A path as the file tells it: relative to WORK where it lies near, so that both may move together."""
    file, home = file.absolute(), root.absolute().parent
    near = home != Path(home.anchor) and home != Path.home() and file.is_relative_to(home)
    return os.path.relpath(file, root.absolute()) if near else str(file)


def _resolved(told: Any, root: Path) -> Path:
    """The path that was told; in the words of the current folder where it lies below it."""
    file = Path(os.path.normpath(root.absolute() / str(told)))
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file
