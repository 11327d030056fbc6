"""What the last run of a workspace was given, in WORK/run.yaml, so that a later command needs nothing but -w.

Each run keeps the same in WORK/runs/NAME/run.yaml, main too, whose stages stand in WORK itself.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from pipeline import files, progress, yamls
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
    files: tuple[str, ...] = ()  # those stage.param of `sets` whose values are paths, or lists of them
    package: Path | None = None  # the folder of the package that was applied, in place of a stages file
    package_sha256: str = ""  # of its package.yaml


def path(root: Path, run: str = "") -> Path:
    """Where the settings of the last run stand; with `run`, those of the run of this name."""
    return root / RUNS / run / FILE if run else root / FILE


def read(root: Path, run: str = "") -> Memory | None:
    """What a workspace remembers, of its last run or of the run of a name; None where it remembers nothing.

    LaffError where the file is not as `write` leaves it.
    """
    file = path(root, run)
    return _load(file, root) if file.is_file() else None


def damage(file: Path) -> str:
    """Why a file is not as `write` leaves it, or ''."""
    try:
        _load(file, file.parent)
    except LaffError as error:
        return str(error).removeprefix(f"{file}: ")
    return ""


def _load(file: Path, root: Path) -> Memory:
    try:
        return _memory(yamls.load(file), root)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LaffError(f"{file}: is not as laff wrote it ({error}); delete it, and give -c once") from None


def _memory(content: Any, root: Path) -> Memory:
    collection, stages, profile, package = (content.get(key) for key in ("collection", "stages", "profile", "package"))
    if not collection or not isinstance(collection, str):
        raise ValueError(f"collection is {collection!r}; it should be a path")
    sets, differs, replacing, settings, naming = (content.get(key) or kind() for key, kind in _KINDS.items())
    if not all(isinstance(one, list) for one in (sets, differs, naming)):
        raise ValueError("set, differs and files should be lists")
    if not (isinstance(replacing, dict) and isinstance(settings, dict)):
        raise ValueError("replacing and settings should be mappings")
    return Memory(
        _resolved(collection, root),
        _resolved(stages, root) if stages else None,
        str(profile) if profile else None,
        _with_paths(map(str, sets), naming, lambda told: str(_placed(told, root))),
        str(content.get("run") or MAIN),
        tuple(map(str, differs)),
        {str(stage): str(print_) for stage, print_ in replacing.items()},
        {str(stage): value for stage, value in settings.items() if isinstance(value, dict)},
        tuple(map(str, naming)),
        _resolved(package, root) if package else None,
        str(content.get("package_sha256") or ""),
    )


_KINDS: dict[str, type] = {"set": list, "differs": list, "replacing": dict, "settings": dict, "files": list}


def write(root: Path, memory: Memory, trains: bool = True) -> None:
    """Let the workspace remember this as its last run and, where it `trains`, as what the run of its name was given."""
    content = {
        "collection": _told(memory.collection, root),
        "stages": _told(memory.stages, root) if memory.stages else None,
        "profile": memory.profile,
        "set": list(_with_paths(memory.sets, memory.files, lambda path: _told(Path(path), root))),
        "run": memory.run,
        "differs": list(memory.differs),
        "replacing": dict(memory.replacing),
        "settings": dict(memory.settings),
        "files": list(memory.files),
    }
    if memory.package:
        content |= {"package": _told(memory.package, root), "package_sha256": memory.package_sha256}
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


def names(root: Path) -> list[str]:
    """The names of the runs beside main that are remembered, or have made something."""
    folders = [file.parent for inner in (FILE, "*/index.jsonl") for file in root.glob(f"{RUNS}/*/{inner}")]
    return sorted({folder.relative_to(root).parts[1] for folder in folders} - {MAIN})


def runs(root: Path) -> dict[str, Memory | None]:
    """Name -> settings of the runs beside main, by name; None, as `known`, where nobody can tell."""
    return {name: known(root, name) for name in names(root)}


def known(root: Path, run: str = "") -> Memory | None:
    """As `read`, but where the file is not as `write` leaves it, that is said and nothing is remembered."""
    try:
        return read(root, run)
    except LaffError as error:
        what = f"run '{run}'" if run else "the last run"
        progress.say(f"{error}; until then nobody knows what {what} was given")
        return None


def _told(file: Path, root: Path) -> str:
    """A path as the file tells it: relative to WORK where it lies near, so that both may move together.

    WORK may be a link: near is what lies near the folder that it leads to, for `..` starts there. What is reached by a
    link is told in full, as it was given.
    """
    file, work = file.absolute(), root.resolve()
    real, home = file.parent.resolve() / file.name, work.parent
    straight = os.path.normpath(file) == str(real)
    near = home not in (Path(home.anchor), Path.home().resolve()) and real.is_relative_to(home)
    return os.path.relpath(real, work) if straight and near else str(real if straight else file)


def _with_paths(sets: Iterable[str], naming: Collection[str], change: Callable[[str], str]) -> tuple[str, ...]:
    """Settings with the paths changed that those of `naming` have as values."""
    found = []
    for text in sets:
        where, _, value = text.partition("=")
        if where in naming:
            paths = yamls.parse(value, where)
            changed = [change(str(path)) for path in paths] if isinstance(paths, list) else change(str(paths))
            text = f"{where}={yamls.inline(changed)}"
        found.append(text)
    return tuple(found)


def _placed(told: str, root: Path) -> Path:
    """The path that was told, in full."""
    if Path(told).is_absolute():
        return Path(told)
    file = root.resolve() / told
    return file.parent.resolve() / file.name  # without `..`; a link at the end stays, for what stands beside it


def _resolved(told: Any, root: Path) -> Path:
    """The path that was told; in the words of the current folder where it lies below it."""
    file = _placed(str(told), root)
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file
