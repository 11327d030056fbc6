"""From a name to a checked file of weights on this disk."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import fetch, files
from pipeline.errors import LaffError
from pipeline.graph import Graph, Stage, Weights
from pipeline.parts import did_you_mean

if TYPE_CHECKING:
    from pipeline.workspace import Workspace

RANDOM = "random"


def folder() -> Path:
    """Where downloaded weights are kept: $LAFF_WEIGHTS, else the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(os.environ.get("LAFF_WEIGHTS", cache / "laff" / "weights"))


def place(entry: Weights) -> Path:
    """Where the file or folder of an entry is looked for first: its own path, else its name under `folder`."""
    return Path(entry.path).expanduser() if entry.path else folder() / entry.file


def find(entry: Weights) -> Path | None:
    """The local file or folder of an entry: its own path, the download, what a package carries; None without one."""
    path = place(entry)
    if path.exists():
        return path
    if not entry.path and entry.source.startswith("package:"):
        return _packaged(entry.source.removeprefix("package:"))
    return None


def _packaged(source: str) -> Path | None:
    """A file or folder that an installed package carries, found without importing the package: MODULE/PATH."""
    import importlib.util

    module, _, inside = source.partition("/")
    spec = importlib.util.find_spec(module)
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0]) / inside if places else None
    return path if path and path.exists() else None


def sha256_of(path: Path, known: dict[str, str | None], sha256: Callable[[Path], str] = files.sha256) -> str:
    """sha256 of a file, or digest of a folder: of the files that are `known` by name, where all are there, else of all.

    So a folder that holds what an entry publishes has one digest, whatever lies beside it. Hidden files don't count.
    """
    if path.is_file():
        return sha256(path)
    names = sorted(known)
    if not names or not all((path / name).is_file() for name in names):
        inside = [file.relative_to(path) for file in path.rglob("*") if file.is_file()]
        names = sorted(name.as_posix() for name in inside if not any(part.startswith(".") for part in name.parts))
    return files.digest([[name, sha256(path / name)] for name in names])


def published(entry: Weights) -> str:
    """What `sha256_of` gives by the published hashes; '' where some are unknown, or the entry has a path of its own."""
    if entry.path:  # a file of the user's own has another
        return ""
    if entry.files:
        known = entry.files.values()
        return files.digest([[name, entry.files[name]] for name in sorted(entry.files)]) if all(known) else ""
    return entry.sha256 or ""


def digest(stage: Stage, graph: Graph, work: "Workspace") -> str:
    """What a stage's weights put into its fingerprint: the file's sha256, known or computed, or 'random'."""
    name = stage.params.get("weights")
    if not name:
        return ""
    if name == RANDOM:
        return RANDOM
    entry = graph.weights.get(name)
    if entry and (known := published(entry)):
        return known
    path = find(entry) if entry else _local(name)
    if path is None:  # gone from the cache: what it was when it was last seen still holds for what was made with it
        return work.remembered(name) or f"missing:{name}"
    found = sha256_of(path, entry.files if entry and not entry.path else {}, work.sha256)
    work.remember(name, found)
    return found


def _local(name: str) -> Path | None:
    path = Path(name).expanduser()
    return path if path.exists() else None


def check(stage: Stage, graph: Graph) -> str:
    """What is wrong with a stage's weights before work begins, or ''; downloads are tried later, by `get`."""
    name = stage.params.get("weights")
    if not name or name == RANDOM or name in graph.weights or _local(name):
        return ""
    if "/" in name or "." in name:
        return f"'{stage.name}': weights: no such file: {name}"
    return (
        f"'{stage.name}': weights '{name}' is no entry of {graph.path.name} or of extractors/weights.yaml"
        f"{did_you_mean(name, [*graph.weights, RANDOM])} (or give a file, or 'random' for a demo)"
    )


def get(stage: Stage, graph: Graph, work: "Workspace") -> Path | None:
    """The checked file of a stage's weights, downloaded where need be; None for random weights or a part without."""
    name = stage.params.get("weights")
    if not name or name == RANDOM:
        return None
    entry = graph.weights.get(name)
    if entry is None:
        path = _local(name)
        if path is None:
            raise LaffError(f"{stage.name}: weights: no such file: {name}")
        return path
    try:
        return obtain(entry, work.sha256)
    except LaffError as error:
        raise LaffError(f"{stage.name}: {str(error).replace('STAGE.', f'{_owner(stage, graph)}.')}") from None


def obtain(entry: Weights, sha256: Callable[[Path], str] = files.sha256) -> Path:
    """The checked file or folder of an entry, downloaded where need be; LaffError where it cannot be had."""
    path = find(entry)
    if path is None and not entry.path and entry.source.startswith(("https://", "http://")):
        path = fetch.fetch(entry, place(entry))
    if path is None:
        raise LaffError(f"weights '{entry.name}' are not here. {fetch.by_hand(entry, place(entry))}")
    if wrong := damage(entry, path, sha256):
        raise LaffError(f"{wrong}: the file is damaged or another one; delete it and fetch it again")
    return path


def damage(entry: Weights, path: Path, sha256: Callable[[Path], str] = files.sha256) -> str:
    """How a file that is here differs from what the entry publishes, or ''."""
    if entry.path:
        return ""
    expected = {path / name: known for name, known in entry.files.items()} if entry.files else {path: entry.sha256}
    for file, known in expected.items():
        if known and not file.is_file():
            return f"{path} has no {file.name}, which '{entry.name}' should have"
        if known and (found := sha256(file)) != known:
            return f"{file} has sha256 {found}, but '{entry.name}' should have {known}"
    return ""


def about(stage: Stage, graph: Graph) -> dict[str, str]:
    """What a shard should say of its weights: where they come from and under which licence; {} for parts without."""
    name = stage.params.get("weights")
    if not name:
        return {}
    entry = graph.weights.get(name)
    if entry is None:
        return {"weights_name": RANDOM if name == RANDOM else Path(name).name}
    source = "a file of the user's" if entry.path else entry.source
    return {"weights_name": entry.name, "weights_source": source, "weights_licence": entry.licence}


def _owner(stage: Stage, graph: Graph) -> str:
    """The stage that a user sets weights on: clip-ft takes its part from finetune."""
    return (
        next((s for s in stage.sources if graph.stages[s].step == "finetune"), stage.name)
        if stage.borrowed
        else stage.name
    )
