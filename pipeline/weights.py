"""From a name in stages.yaml to a checked file of weights on this disk."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

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


def find(entry: Weights) -> Path | None:
    """The local file of an entry: its own path, what a package carries, or the download; None where there is none."""
    if entry.path:
        path = Path(entry.path).expanduser()
        return path if path.is_file() else None
    if entry.source.startswith("package:"):
        return _packaged(entry.source.removeprefix("package:"))
    path = folder() / entry.file
    return path if path.is_file() else None


def _packaged(source: str) -> Path | None:
    """A file that an installed package carries, found without importing the package: MODULE/FILE."""
    import importlib.util

    module, _, file = source.partition("/")
    spec = importlib.util.find_spec(module)
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0]) / file if places else None
    return path if path and path.is_file() else None


def digest(stage: Stage, graph: Graph, work: "Workspace") -> str:
    """What a stage's weights put into its fingerprint: the file's sha256, known or computed, or 'random'."""
    name = stage.params.get("weights")
    if not name:
        return ""
    if name == RANDOM:
        return RANDOM
    entry = graph.weights.get(name)
    path = find(entry) if entry else _local(name)
    if entry and entry.sha256 and not entry.path:
        return entry.sha256
    if path is None:  # gone from the cache: what it was when it was last seen still holds for what was made with it
        return work.remembered(name) or f"missing:{name}"
    found = work.sha256(path)
    work.remember(name, found)
    return found


def _local(name: str) -> Path | None:
    path = Path(name).expanduser()
    return path if path.is_file() else None


def check(stage: Stage, graph: Graph) -> str:
    """What is wrong with a stage's weights before work begins, or ''; downloads are tried later, by `get`."""
    name = stage.params.get("weights")
    if not name or name == RANDOM or name in graph.weights or _local(name):
        return ""
    if "/" in name or "." in name:
        return f"'{stage.name}': weights: no such file: {name}"
    return (
        f"'{stage.name}': weights '{name}' is no entry of {graph.path.name}"
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
    path = find(entry)
    if path is None and not entry.path and entry.source.startswith("https://"):
        path = _download(entry)
    if path is None:
        wanted = entry.path or str(folder() / entry.file)
        raise LaffError(
            f"{stage.name}: weights '{name}' are not here. Get {entry.file} from {entry.source}, put it at {wanted}"
            f" (or --set {_owner(stage, graph)}.weights=FILE, or =random for a demo)"
        )
    if entry.sha256 and not entry.path and work.sha256(path) != entry.sha256:  # a file of the user's own has another
        raise LaffError(
            f"{stage.name}: {path} has sha256 {work.sha256(path)}, but '{name}' should have {entry.sha256}: "
            "the file is damaged or another one; delete it and fetch it again"
        )
    return path


def _owner(stage: Stage, graph: Graph) -> str:
    """The stage that a user sets weights on: clip-ft takes its part from finetune."""
    return (
        next((s for s in stage.sources if graph.stages[s].step == "finetune"), stage.name)
        if stage.borrowed
        else stage.name
    )


def _download(entry: Weights) -> Path:
    from torch.hub import download_url_to_file  # writes to a temporary file, checks the hash, renames

    target = folder() / entry.file
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        download_url_to_file(entry.source, str(target), hash_prefix=entry.sha256, progress=True)
    except (OSError, RuntimeError) as error:
        raise LaffError(
            f"weights '{entry.name}': {entry.source} could not be fetched ({error}). Get the file by other means, put "
            f"it at {target} (or --set STAGE.weights=FILE, or =random for a demo)"
        ) from None
    return target
