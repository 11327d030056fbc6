"""How the page shows the video of an item: its file, a clip that is made of it, or stills."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from pipeline.errors import LaffError
from pipeline.serve import browsers, kinds, making
from pipeline.serve.held import mark, through
from pipeline.serve.opened import Opened
from pipeline.serve.problems import Refused

FILE, MADE, STILLS = "file", "transcoded", "stills"
MOST = 100_000  # files whose kind is kept in memory


class Plays:
    """What was found out of files. Any thread may ask."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str | int, ...], str] = OrderedDict()  # by path and mark
        self._lock = Lock()

    def of(self, opened: Opened, row: int) -> str:
        """FILE, MADE or STILLS; "" where there is no file, or no video in it."""
        path, seen = opened.catalog.paths[row], opened.looks.seen(row)
        try:
            status = Path(path).stat()
        except (OSError, ValueError):
            return ""
        if seen.codec and not browsers.may_play(path, seen.codec, seen.container):
            return made()
        key = (path, *mark(status))
        with self._lock:
            if key in self._known:
                return self._known[key]
        try:
            descriptor, status = opened.files.opened(row)
        except Refused:
            return made()  # who wants to see it is told why that cannot be
        try:
            found = FILE if browsers.plays(path, kinds.kind(through(descriptor, path))) else made()
        except LaffError:
            found = ""
        finally:
            os.close(descriptor)
        key = (path, *mark(status))
        with self._lock:
            self._known[key] = found
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return found


def made() -> str:
    """How a file that browsers do not play is shown: as a clip, or as stills where nothing here makes clips."""
    return MADE if making.encoder() else STILLS
