"""Settings that name files: their paths written in full, so that they hold in any current folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import files, yamls
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.published import RANDOM


def in_full(sets: Sequence[str], graph: Graph, collection: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Settings `stage.param=value` with the files that they name as full paths; and the keys of those settings.

    Params that name files are `weights` and those that the stage's step or class lists. Names of published weights stay
    as they are. So do files beside collection.yaml, because laff looks for them there.
    """
    settings, naming = [], []
    for text in sets:
        where, _, value = text.partition("=")
        name, _, param = where.partition(".")
        if name in graph.stages and param in _params(graph.stages[name]):
            full = _in_full(yamls.parse(value, f"--set {where}"), param, graph, collection)
            if full is not None:
                text = f"{where}={yamls.inline(full)}"
                naming.append(where)
        settings.append(text)
    return tuple(settings), tuple(naming)


def value_in_full(stage: Stage, param: str, value: Any, graph: Graph, collection: Path) -> Any:
    """The value of a stage's param, with the files that it names, if it names some, as `in_full` writes them."""
    full = _in_full(value, param, graph, collection) if param in _params(stage) else None
    return value if full is None else full


def _params(stage: Stage) -> list[str]:
    """The params of a stage that name files."""
    return ["weights", *stage.about.files, *stage.about.starts, *(stage.part.member("FILES") if stage.part else ())]


def _in_full(value: Any, param: str, graph: Graph, collection: Path) -> str | list[str] | None:
    """The full paths of one or several files; None where none of them is an absolute path or in the current folder."""
    named = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) and name for name in named):
        return None
    if param == "weights" and any(name in graph.weights or name == RANDOM for name in named):
        return None
    paths = [Path(name).expanduser() for name in named]
    if not any(path.is_absolute() or path.exists() for path in paths):
        return None
    full = [str(files.located(path, collection)) for path in paths]
    return full if isinstance(value, list) else full[0]
