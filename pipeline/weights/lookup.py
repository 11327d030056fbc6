"""From a name to a checked file of weights on this disk."""

import importlib.util
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from extractors import hf_hub
from pipeline import files
from pipeline.errors import LaffError, did_you_mean, near_path
from pipeline.graph.graph import Graph, Stage, Weights
from pipeline.graph.published import PACKAGE, RANDOM, belongs, named
from pipeline.weights import fetch, hub, note

if TYPE_CHECKING:
    from pipeline.store.workspace import Workspace

TENSORS = re.compile(r".*\.(safetensors|bin|index\.json)")  # files of a folder that a reader takes weights from


def folder() -> Path:
    """Where downloaded weights are kept: $LAFF_WEIGHTS, else the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("LAFF_WEIGHTS") or f"{cache}/laff/weights").expanduser()


def entry_of(graph: Graph, name: str) -> Weights | None:
    """The entry called `name`; its path, if relative, is taken from the folder of the stages file."""
    entry = graph.weights.get(name)
    if entry and entry.path:
        return replace(entry, path=str(graph.path.parent / Path(entry.path).expanduser()))
    return entry


def own_file(name: str | None, graph: Graph) -> Path | None:
    """The file or folder that `weights` of a stage names by its path, by an entry with a path, or by a repository's id.

    A user's own may be gone; of a repository of the hub, None as long as it is not here. None for other entries.
    """
    if not name or name == RANDOM:
        return None
    entry = entry_of(graph, name)
    if entry is None:
        return Path(name).expanduser()
    return place(entry) if entry.path else find(entry) if hub.address(entry) else None


def place(entry: Weights) -> Path:
    """Where the file or folder of an entry is looked for first: its own path, else its name under `folder`."""
    return Path(entry.path) if entry.path else folder() / entry.file


def find(entry: Weights) -> Path | None:
    """The local file or folder of an entry: its own path, the download, what a package carries.

    None where there is none, or not what the entry names (`misplaced` says why).
    """
    path: Path | None = place(entry)
    if path and not path.exists() and not entry.path and entry.source.startswith(PACKAGE):
        path = _packaged(entry.source.removeprefix(PACKAGE))
    return path if path and path.exists() and not misplaced(entry, path) else None


def _packaged(source: str) -> Path | None:
    """The file of an installed package, MODULE/PATH, found without importing the package."""
    module, _, inside = source.partition("/")
    spec = importlib.util.find_spec(module)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / inside if places else None


def misplaced(entry: Weights, path: Path, setting: str = fetch.SETTING) -> str:
    """Why a file or folder cannot be what the entry names, before a byte of it is read; '' where it can."""
    if not path.exists():
        return ""
    again = f"delete it and `laff weights get {entry.name}`"
    empty = path.is_dir() and not any(path.iterdir())
    if entry.path:  # of the user's own choice, perhaps in another form
        return f"{path} is an empty folder; fill it, or correct `path:` of the entry" if empty else ""
    if empty:
        return f"{path} is an empty folder; {again}"
    if entry.sha256 and path.is_dir():
        return f"{path} is a folder, but '{entry.name}' is a file; {again}"
    if entry.files and not path.is_dir():
        return f"{path} is a file, but '{entry.name}' is a folder with {', '.join(entry.files)}; {again}"
    if lacks := [name for name in entry.files if not (path / name).is_file()]:
        return f"{path} has no {', '.join(lacks)}, which '{entry.name}' should have; put it there, or {again}"
    others = [file.name for file in path.iterdir() if TENSORS.fullmatch(file.name)] if entry.files else []
    if others := sorted(set(others) - set(entry.files)):
        return (
            f"{path} holds {', '.join(others)} beside the files of '{entry.name}', which may be read in their place; "
            f"remove it, or give the folder by --set {setting}=FOLDER"
        )
    return ""


def sha256_of(path: Path, sha256: Callable[[Path], str] = files.sha256) -> str:
    """sha256 of a file, or digest of all files of a folder and those inside it; hidden ones and notes don't count."""
    if path.is_file():
        return sha256(path)
    inside = [file.relative_to(path) for file in path.rglob("*") if file.is_file() and file.suffix != note.SUFFIX]
    names = sorted(name.as_posix() for name in inside if not any(part.startswith(".") for part in name.parts))
    return files.digest([[name, sha256(path / name)] for name in names])


def published(entry: Weights) -> str:
    """What `sha256_of` should give by the published hashes; '' where one is unknown or the entry names its own path."""
    if entry.path:  # a file of the user's own has another
        return ""
    if entry.files:
        known = entry.files.values()
        return files.digest([[name, entry.files[name]] for name in sorted(entry.files)]) if all(known) else ""
    return entry.sha256 or ""


def digest(stage: Stage, graph: Graph, work: "Workspace", param: str = "weights") -> str:
    """What a stage's weights put into its fingerprint, or 'random'.

    The file's sha256, known or computed; with those of the files beside it that the part reads too (its BESIDE).
    param: the parameter that names them, here and below: `weights`, or one of the stage's `further`.
    """
    name = stage.params.get(param)
    if not name:
        return ""
    if name == RANDOM:
        return RANDOM
    entry = entry_of(graph, name)
    known = published(entry) if entry else ""
    path = find(entry) if entry else _local(name)
    if known and (path is None or path.is_file()):
        return known
    seen = name if entry else str(Path(name).expanduser().absolute())  # a path is typed in several ways
    if path is None:  # gone from the cache: what it was when it was last seen still holds for what was made with it
        return work.remembered(seen) or work.remembered(name) or f"missing:{name}"
    now = sha256_of(path, work.sha256)
    names = stage.part.member("BESIDE") if stage.part and path.is_file() else ()
    if beside := [file for name in names if (file := path.with_name(name)).is_file()]:
        now = files.digest([now, *([file.name, work.sha256(file)] for file in beside)])
    work.remember(seen, now)
    return now


def _local(name: str) -> Path | None:
    path = Path(name).expanduser()
    return path if path.exists() else None


def check(stage: Stage, graph: Graph) -> str:
    """What is wrong with a stage's weights before work begins, or ''; downloads are tried later, by `get`."""
    return "; ".join(wrong for param in ("weights", *stage.further) if (wrong := _unknown(stage, graph, param)))


def _unknown(stage: Stage, graph: Graph, param: str) -> str:
    name = stage.params.get(param)
    if not name or name == RANDOM or name in graph.weights or _local(name):
        return ""
    if "/" in name or "." in name:
        hint = _repository(stage, name) or near_path(Path(name))
        return f"'{stage.name}': {param}: no such file: {name}{hint}"
    return (
        f"'{stage.name}': {param} '{name}' is no entry of {graph.path.name} or of extractors/weights.yaml"
        f"{did_you_mean(name, [*graph.weights, RANDOM])} (or give a file, or 'random' for a demo)"
    )


def _repository(stage: Stage, name: str) -> str:
    """The name with which a stage takes a repository of the hub, where this may be one and the stage takes some."""
    repository = name.rpartition(":")[2]
    if not hf_hub.REPOSITORY.fullmatch(repository.partition("@")[0]) or not stage.part:
        return ""
    entry = named(f"{hf_hub.PREFIX}{repository}")
    return f"; for a repository of the hub write {entry.name}" if entry and belongs(entry, stage.part) else ""


def further(stage: Stage, graph: Graph, work: "Workspace") -> dict[str, Path | None]:
    """What `get` gives for each of the stage's parameters that name further weights."""
    return {param: get(stage, graph, work, param) for param in stage.further}


def get(stage: Stage, graph: Graph, work: "Workspace", param: str = "weights") -> Path | None:
    """The checked file of a stage's weights, downloaded where need be; None for random weights or a part without."""
    name = stage.params.get(param)
    if not name or name == RANDOM:
        return None
    entry = entry_of(graph, name)
    if entry is None:
        path = _local(name)
        if path is None:
            raise LaffError(f"{stage.name}: {param}: no such file: {name}")
        return path
    try:
        return obtain(entry, work.sha256, f"{_owner(stage)}.{param}")
    except LaffError as error:
        raise LaffError(f"{stage.name}: {error}") from None


def obtain(entry: Weights, sha256: Callable[[Path], str] = files.sha256, setting: str = fetch.SETTING) -> Path:
    """The checked file or folder of an entry, downloaded where need be; LaffError where it cannot be had.

    setting: what a message calls the parameter that names the weights.
    """
    path = find(entry)
    if path is None and fetchable(entry):
        path = fetch.fetch(entry, place(entry), setting)
    if path is None:
        raise LaffError(absence(entry, setting))
    if wrong := damage(entry, path, sha256):
        raise LaffError(f"{wrong}: the file is damaged or another one; delete it and fetch it again")
    return path


def fetchable(entry: Weights) -> bool:
    """Whether an entry has to be fetched first, and can be."""
    away = find(entry) is None and not place(entry).exists()
    return away and not entry.path and entry.source.startswith(("https://", "http://"))


def absence(entry: Weights, setting: str = fetch.SETTING) -> str:
    """Why `find` finds nothing, and what to do about it; `setting` as `obtain` takes it."""
    path = place(entry)
    if wrong := misplaced(entry, path, setting):
        return f"weights '{entry.name}': {wrong}"
    where = f"at {path}" if entry.path else "here"
    return f"weights '{entry.name}' are not {where}. {fetch.by_hand(entry, path, setting)}"


def damage(entry: Weights, path: Path, sha256: Callable[[Path], str] = files.sha256) -> str:
    """How a file that is here differs from what the entry publishes, or ''."""
    if entry.path:
        return ""
    expected = {path / name: known for name, known in entry.files.items()} if entry.files else {path: entry.sha256}
    for file, known in expected.items():
        if known and (now := sha256(file)) != known:
            return f"{file} has sha256 {now}, but '{entry.name}' should have {known}"
    return ""


def about(stage: Stage, graph: Graph) -> dict[str, str]:
    """What a shard says of its weights: where they come from and under which licence; {} for parts without weights."""
    facts: dict[str, str] = {}
    for param in ("weights", *stage.further):
        name = stage.params.get(param)
        if entry := entry_of(graph, name or ""):
            source = "a file of the user's" if entry.path else note.origin(place(entry)) or entry.source
            facts |= {f"{param}_name": entry.name, f"{param}_source": source, f"{param}_licence": entry.licence}
        elif name:
            facts[f"{param}_name"] = RANDOM if name == RANDOM else Path(name).name
    return facts


def _owner(stage: Stage) -> str:
    """The stage that a user sets weights on: clip-ft takes its part from finetune."""
    return stage.lender or stage.name
