"""Facts about laff's own source files, noted beside their byte code: valid while their size and date stay.

Kept as Python keeps byte code: in `__pycache__` (or where PYTHONPYCACHEPREFIX says); in the user's cache where Python
is told to write none or the folder takes nothing, as in an installation of the administrator's.
"""

import atexit
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from pipeline import files

SETTLED = 2.0  # seconds: a younger file may change once more within the same tick of its date


class Noted:
    """Facts about the files of one folder, by file and by name of the fact, in one JSON file; each is made once."""

    def __init__(self, path: Path, root: Path, made_by: list[Any]) -> None:
        """path: of the JSON file; root: the folder; made_by: what the facts depend on, beside the files themselves."""
        self._path, self._root, self._made_by = path, root, made_by
        self._files: dict[str, dict[str, Any]] | None = None  # {file: {"is": size and date, what: value}}
        self._new = False

    def of(self, file: Path, what: str, make: Callable[[], Any]) -> Any:
        """The fact `what` about a file: noted before while the file was as it is now, else made. JSON can hold it."""
        if not file.is_relative_to(self._root):
            return make()
        name, now = file.relative_to(self._root).as_posix(), stamp(file)
        entry = self._known().get(name, {})
        if entry.get("is") != now:
            entry = {"is": now}
        if what not in entry:
            entry[what] = make()
            if time.time() - now[1] / 1e9 > SETTLED and stamp(file) == now:
                self._known()[name] = entry
                self._new = True
        return entry[what]

    def save(self) -> None:
        """Write what is new; where that is not possible, the next process makes it again."""
        if not self._new:
            return
        kept = {name: entry for name, entry in self._known().items() if (self._root / name).is_file()}
        with suppress(OSError):
            files.write_json(self._path, {"made by": self._made_by, "files": kept})
        self._new = False

    def _known(self) -> dict[str, dict[str, Any]]:
        if self._files is None:
            content = files.read_json(self._path, {})
            current = isinstance(content, dict) and content.get("made by") == self._made_by
            self._files = content["files"] if current else {}
        return self._files


def stamp(file: Path) -> list[int]:
    """Size in bytes and date in nanoseconds."""
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def _place(file: Path) -> Path:
    """Where the facts are kept that a module notes."""
    place = Path(cache_from_source(str(file))).with_suffix(".json")
    there = next(folder for folder in place.parents if folder.exists())
    if not sys.dont_write_bytecode and os.access(there, os.W_OK):
        return place
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError:  # a user without a home
        return place
    return cache / "laff" / "code" / f"{files.digest(str(place))[:16]}.json"


def beside(file: Path, root: Path) -> Noted:
    """The facts that a module of laff notes about the files under `root`; saved when the process ends."""
    noted = Noted(_place(file), root, [sys.version, stamp(file), stamp(Path(__file__))])
    atexit.register(noted.save)
    return noted
