"""An index as `laff index` left it, and how its folder has changed since: one new clip hides none of the others."""

import os
from dataclasses import dataclass

import numpy as np

from pipeline.errors import LaffError
from pipeline.items import table
from pipeline.items.catalog import Catalog, was_read
from pipeline.items.collection import Collection
from pipeline.items.collection import load as load_collection
from pipeline.items.windows import Window
from pipeline.opening import choose
from pipeline.plan import packed
from pipeline.plan.context import Context
from pipeline.request import Request
from pipeline.store import home
from pipeline.store.workspace import Workspace


@dataclass(frozen=True)
class Standing:
    """An index, ready to be searched."""

    context: Context  # its catalog is the table as it stands, with the paths that files have now
    present: np.ndarray  # [V] bool, whether the file of an item is still there
    note: str = ""  # how the folder has changed, in a line


def standing(request: Request) -> Standing:
    """The index of a request. Reads no video and writes nothing. LaffError where nothing is indexed yet."""
    work, command = Workspace(request.work), home.index_command(request.work)
    if not work.table.is_file():
        raise LaffError(f"{home.shown(request.work)} is not indexed yet: {command}")
    catalog = table.read(work.table)[0]
    context = Context(request.graph(), catalog, work, source=request.collection)
    packed.admit(context)
    choose(context, request)
    try:
        collection = load_collection(request.collection)
    except LaffError as error:
        note = f"searched as it was last indexed, for {error.problems[0]}; then: {command}"
        return Standing(context, np.ones(len(catalog.videos), bool), note)
    context.name = collection.name
    present, changes = _compare(catalog, collection)
    return Standing(context, present, f"{changes} since the last index: {command}" if changes else "")


def _compare(catalog: Catalog, collection: Collection) -> tuple[np.ndarray, str]:
    """Which items [V] have a file, bool, and what changed in words; sets the paths of the catalog."""
    files = collection.files
    bounds = zip(catalog.starts.tolist(), catalog.ends.tolist(), strict=True)
    names = [
        id_ if id_ in files else id_.removesuffix(Window(*window).name(""))  # of a window: the video
        for id_, window in zip(catalog.videos, bounds, strict=True)
    ]
    first = {name: row for row, name in reversed([*enumerate(names)])}
    states = {name: _state(catalog, row, files.get(name, "")) for name, row in first.items()}
    catalog.paths = [files.get(name, path) for name, path in zip(names, catalog.paths, strict=True)]
    new = len(files.keys() - first.keys())
    counts = {"new": new} | {word: sum(state == word for state in states.values()) for word in WORDS}
    present = np.array([states[name] != GONE for name in names], bool)
    return present, ", ".join(f"{count} {word}" for word, count in counts.items() if count)


CHANGED, DATED, GONE = WORDS = ("changed", "with another date", "gone")


def _state(catalog: Catalog, row: int, path: str) -> str:
    """How a file differs from what the table says: one of WORDS, or '' where it does not."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a million Paths take longer than the files' answers
    except OSError:
        return GONE if was_read(catalog.digests[row]) else ""
    if status.st_size != catalog.sizes[row]:
        return CHANGED
    return DATED if status.st_mtime_ns != catalog.mtimes[row] else ""
