"""Files that settings name, so that they are found again from another folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import files, yamls
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.published import RANDOM


def in_full(sets: Sequence[str], graph: Graph, collection: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Settings `stage.param=value` with files in the current folder by their full paths; and which settings name files.

    A stage says which of its params name files: `weights`, and those whose content counts. Names of published weights
    stay as they are, and what stands beside collection.yaml, for it is looked for there.
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


def _params(stage: Stage) -> list[str]:
    """The params of a stage that name files."""
    return ["weights", *stage.about.files, *(stage.part.member("FILES") if stage.part else ())]


def _in_full(value: Any, param: str, graph: Graph, collection: Path) -> str | list[str] | None:
    """A file or several by their full paths; None where none of them is of the current folder, or in full already."""
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
