"""The settings of a workspace's last run, in WORK/run.yaml, so that a later command needs only -w.

Each run has its settings in WORK/runs/NAME/run.yaml as well, main too, whose stages are in WORK itself.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from pipeline import files, progress, yamls
from pipeline.errors import LaffError
from pipeline.store.home import MAIN, RUNS
from pipeline.store.home import REMEMBERS as FILE

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
    settings: Mapping[str, Any] = field(default_factory=dict)  # by stage, what makes a run differ from others
    files: tuple[str, ...] = ()  # those stage.param of `sets` whose values are paths or lists of paths
    package: Path | None = None  # the folder of the package that was applied, in place of a stages file
    package_sha256: str = ""  # of its package.yaml


def path(root: Path, run: str = "") -> Path:
    """The file with the settings of the last run, or of the run of a name."""
    return root / RUNS / run / FILE if run else root / FILE


def read(root: Path, run: str = "") -> Memory | None:
    """The settings of a workspace's last run, or of the run of a name; None where there are none.

    LaffError where the file is not as `write` leaves it.
    """
    file = path(root, run)
    return _load(file, root) if file.is_file() else None


def damage(file: Path) -> str:
    """Why a file is not as `write` leaves it, or ''."""
    try:
        _memory(yamls.load(file), file.parent)
    except LaffError as error:
        return f"no YAML ({error})"
    except ValueError as error:
        return f"{error}; delete it, and give -c once"
    return ""


def _load(file: Path, root: Path) -> Memory:
    """The settings in a file; LaffError where it is not as `write` leaves it."""
    try:
        return _memory(yamls.load(file), root)
    except ValueError as error:
        raise LaffError(f"{file}: {error}; delete it, and give -c once") from None


def _memory(content: Any, root: Path) -> Memory:
    """Settings as the file has them; ValueError where they are not those that `write` leaves."""
    try:
        return _settings(content, root)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"is not as laff wrote it ({error})") from None


def _settings(content: Any, root: Path) -> Memory:
    if not isinstance(content, dict):
        raise ValueError("it is empty" if content is None else "it holds no settings")
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
        _with_paths(map(str, sets), naming, lambda written: str(_placed(written, root))),
        str(content.get("run") or MAIN),
        tuple(map(str, differs)),
        {str(stage): str(fingerprint) for stage, fingerprint in replacing.items()},
        {str(stage): value for stage, value in settings.items() if isinstance(value, dict)},
        tuple(map(str, naming)),
        _resolved(package, root) if package else None,
        str(content.get("package_sha256") or ""),
    )


_KINDS: dict[str, type] = {"set": list, "differs": list, "replacing": dict, "settings": dict, "files": list}


def write(root: Path, memory: Memory, trains: bool = True) -> None:
    """Write the settings of the last run and, where it `trains`, of the run of its name."""
    content = {
        "collection": _written(memory.collection, root),
        "stages": _written(memory.stages, root) if memory.stages else None,
        "profile": memory.profile,
        "set": list(_with_paths(memory.sets, memory.files, lambda path: _written(Path(path), root))),
        "run": memory.run,
        "differs": list(memory.differs),
        "replacing": dict(memory.replacing),
        "settings": dict(memory.settings),
        "files": list(memory.files),
    }
    if memory.package:
        content |= {"package": _written(memory.package, root), "package_sha256": memory.package_sha256}
    text = HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    for file in ([path(root, memory.run)] if trains else []) + [path(root)]:
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            files.write_text(file, text)


def settle(root: Path, stages: Iterable[str]) -> None:
    """Forget that these stages may be replaced: they have been made as wanted."""
    settings, done = read(root), set(stages)
    if settings and done.intersection(settings.replacing):
        remaining = {stage: fingerprint for stage, fingerprint in settings.replacing.items() if stage not in done}
        write(root, replace(settings, replacing=remaining), trains=False)


def names(root: Path) -> list[str]:
    """The names of the runs besides main that have settings or results in a workspace."""
    folders = [file.parent for inner in (FILE, "*/index.jsonl") for file in root.glob(f"{RUNS}/*/{inner}")]
    return sorted({folder.relative_to(root).parts[1] for folder in folders} - {MAIN})


def runs(root: Path) -> dict[str, Memory | None]:
    """The settings of the runs besides main, by name; None where `known` gives None."""
    return {name: known(root, name) for name in names(root)}


def known(root: Path, run: str = "") -> Memory | None:
    """The settings as `read` gives them; None, with a line on standard error, where the file is damaged."""
    try:
        return read(root, run)
    except LaffError as error:
        what = f"run '{run}'" if run else "the last run"
        progress.say(f"{error}; until then nobody knows what {what} was given")
        return None


def _written(file: Path, root: Path) -> str:
    """A path as the settings have it: relative to WORK where the file is near it, so that both can be moved together.

    Near is the folder above WORK, and all below. Where WORK is a link, the folder that it leads to counts, since `..`
    starts there. A path that goes through a link is written in full, as it was given.
    """
    file, work = file.absolute(), root.resolve()
    real, home = file.parent.resolve() / file.name, work.parent
    straight = os.path.normpath(file) == str(real)
    near = home not in (Path(home.anchor), Path.home().resolve()) and real.is_relative_to(home)
    return os.path.relpath(real, work) if straight and near else str(real if straight else file)


def _with_paths(sets: Iterable[str], path_settings: Collection[str], change: Callable[[str], str]) -> tuple[str, ...]:
    """Settings with `change` applied to the paths in the values of those that `naming` lists."""
    changed_sets = []
    for text in sets:
        where, _, value = text.partition("=")
        if where in path_settings:
            paths = yamls.parse(value, where)
            changed = [change(str(path)) for path in paths] if isinstance(paths, list) else change(str(paths))
            text = f"{where}={yamls.inline(changed)}"
        changed_sets.append(text)
    return tuple(changed_sets)


def _placed(written: str, root: Path) -> Path:
    """A path of the settings, in full."""
    if Path(written).is_absolute():
        return Path(written)
    file = root.resolve() / written
    return file.parent.resolve() / file.name  # without `..`; a link at the end stays, since files beside it may matter


def _resolved(written: Any, root: Path) -> Path:
    """A path of the settings; relative to the current folder where it is below that."""
    file = _placed(str(written), root)
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file
