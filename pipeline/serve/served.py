"""The workspaces that are served, by their keys; one that has changed on disk is opened anew."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.errors import LaffError, did_you_mean
from pipeline.graph.options import VECTORS
from pipeline.request import recalled
from pipeline.search.checks import check_made
from pipeline.search.places import Stored
from pipeline.serve.opened import Opened
from pipeline.serve.problems import Refused
from pipeline.store import home, index

EVERY = 1.0  # seconds between two looks at whether a workspace has changed
WAIT = 5.0  # seconds until a workspace that could not be opened anew is tried again
Marks = tuple[tuple[str, int, int, int], ...]  # of files: path, inode, size, date


class Served:
    """One workspace. `current` is for the thread that searches; `now` for any."""

    def __init__(self, work: Path, models: tuple[str, ...] = (), trust: tuple[str, ...] = ()) -> None:
        """Open it. LaffError where it is none, or cannot be searched."""
        self.work, self.key = work, ""
        self._models, self._trust = models, trust
        self._look = time.monotonic() + EVERY  # when to look at it again
        self.note = ""  # why answers are older than the workspace; "" where they are not
        self.now = self._open()
        index_of = home.is_index(self.now.request.collection, work)
        self.name = home.shown(work).absolute().name if index_of else self.now.library.context.name

    def _open(self) -> Opened:
        check_made(self.work)
        request = recalled(self.work)
        assert request
        opened = Opened(replace(request, trust=self._trust), self._models, _version(self.work))
        library, graph = opened.library, opened.library.context.graph
        sources = [graph.of_step("train").name if f.chosen.model else f.chosen.name for f in library.finders]
        needed = dict.fromkeys([*graph.needed(sources), *(stage.name for stage in graph.stages_of(VECTORS))])
        folders = [library.context.work.folder(name) for name in needed]
        self._files = [self.work / home.REMEMBERS, _table(self.work), *(folder / index.NAME for folder in folders)]
        self._marks = marks(self._files)
        places = [finder.place for finder in library.finders]
        self._kept = [source.path for place in places if isinstance(place, Stored) for source in place.sources]
        self._kept_marks = marks(self._kept)
        return opened

    def current(self) -> Opened:
        """The workspace as it is now. Refused while a run changes it and has changed what answers come from."""
        if time.monotonic() < self._look:
            return self.now
        self._look = time.monotonic() + EVERY
        if marks(self._files) == self._marks:
            return self.now
        try:
            self.now, self.note = self._open(), ""
        except (LaffError, OSError) as error:
            self._look = time.monotonic() + WAIT
            if _version(self.work) != self.now.version or marks(self._kept) != self._kept_marks:
                raise Refused(
                    f"{self.name} is being changed; search again when that has ended ({error})", 503
                ) from None
            self.note = f"{self.name} is being changed, and answers are of before ({error})"
        return self.now


def marks(files: Sequence[Path]) -> Marks:
    """What tells that files have changed; those that are not there are left out."""
    found = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        found.append((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _table(work: Path) -> Path:
    return work / "ingest" / "table.h5"


def _version(work: Path) -> str:
    """A name for the state of the table, of which addresses of pictures and clips tell."""
    return hashlib.sha256(repr(marks([_table(work)])).encode()).hexdigest()[:8]


def served(works: Sequence[Path], models: tuple[str, ...] = (), trust: tuple[str, ...] = ()) -> dict[str, Served]:
    """The workspaces by keys that are made of their names, so that an address holds in the next session too."""
    found: dict[str, Served] = {}
    for work in dict.fromkeys(works):
        one = Served(work, models, trust)
        slug = re.sub(r"[^A-Za-z0-9]+", "-", one.name).strip("-") or "videos"
        one.key, number = slug, 2
        while one.key in found:
            one.key, number = f"{slug}-{number}", number + 1
        found[one.key] = one
    return found


def of_key(workspaces: dict[str, Served], key: str) -> Served:
    """The workspace of a key, or the first where it is "". Refused where there is none."""
    if not key:
        return next(iter(workspaces.values()))
    if key not in workspaces:
        near = did_you_mean(key[:100], workspaces)
        raise Refused(f"no workspace '{key[:100]}' is served here{near} (here: {', '.join(workspaces)})", 404)
    return workspaces[key]
