"""A workspace: the folder where a run keeps everything, one run at a time."""

import fcntl
import os
import shlex
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import IO

from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.store import log
from pipeline.store.index import Index

COMPARISONS = "compare"  # folder below a workspace: GRID/train and GRID/rank hold what stages of a run do
RUNS = "runs"  # folder below a workspace: NAME/train, NAME/rank … hold what those of a run with other settings do
MAIN = "main"  # the name of the run whose stages stand in WORK itself


class Workspace:
    """Paths below WORK, and its lock."""

    def __init__(self, root: Path, places: Mapping[str, str] | None = None) -> None:
        """places: stage -> its folder below `root`, of stages whose folder has not their name."""
        self.root = root
        self.places = dict(places or {})
        self._indexes: dict[str, Index] = {}
        self._held = False  # whether this process holds the lock
        self._told_of_dates = False

    def place(self, stage: str) -> str:
        """The stage's folder below WORK: its name, or where its run keeps it."""
        return self.places.get(stage, stage)

    def folder(self, stage: str) -> Path:
        """The stage's folder, WORK/<stage> for most."""
        return self.root / self.place(stage)

    @property
    def held(self) -> bool:
        """Whether this process holds the workspace, so that it may write there."""
        return self._held

    def index(self, stage: str) -> Index:
        """What the stage has finished; read once."""
        return self.index_at(self.place(stage))

    def index_at(self, place: str) -> Index:
        """What is finished in a folder below WORK; read once."""
        if place not in self._indexes:
            self._indexes[place] = Index(self.root / place, self._tell_of_dates)
        return self._indexes[place]

    def _tell_of_dates(self) -> None:
        if not self._told_of_dates:
            self._told_of_dates = True
            progress.say(f"{self.root}: files have other dates than noted; looking whether they are the same")

    @property
    def table(self) -> Path:
        """The ingest's table."""
        return self.root / "ingest" / "table.h5"

    @property
    def ledger(self) -> Path:
        """The failures ledger."""
        return self.root / "failures.jsonl"

    @cached_property
    def _digests(self) -> dict[str, list[str | int]]:
        known: dict[str, list[str | int]] = files.read_json(self.root / "digests.json", {})
        return known

    def sha256(self, path: Path) -> str:
        """sha256 of a weight or feature file, computed again only when its size or mtime changes."""
        status = path.stat()
        known = self._digests.get(str(path))
        if known and known[:2] == [status.st_size, status.st_mtime_ns]:
            return str(known[2])
        found = files.sha256(path)
        self._digests[str(path)] = [status.st_size, status.st_mtime_ns, found]
        self._save_digests()
        return found

    def remember(self, name: str, digest: str) -> None:
        """Keep the digest of a weight file that has no published one."""
        if self.remembered(name) != digest:
            self._digests[f"weights {name}"] = [0, 0, digest]
            self._save_digests()

    def remembered(self, name: str) -> str:
        """The digest that a weight file had when it was last seen; '' if it never was."""
        return str(self._digests.get(f"weights {name}", [0, 0, ""])[2])

    def _save_digests(self) -> None:
        if self._held:  # a plan beside a run writes nothing
            files.write_json(self.root / "digests.json", self._digests)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the workspace; LaffError names who holds it. The lock ends with the process, however that ends."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = open(self.root / ".lock", "a+", opener=_own)  # noqa: SIM115 - Path.open takes no opener
        except OSError as error:
            raise LaffError(f"{self.root}: cannot be used as a workspace: {error.strerror}") from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _signed(file) or "another process"
                raise LaffError(f"{self.root} is in use by {holder}; wait for it to end, or use another -w") from None
            except OSError as error:
                raise LaffError(f"{self.root}: this file system cannot lock files ({error.strerror})") from None
            left = _signed(file)
            _sign(file, f"process {os.getpid()} on {socket.gethostname()} since {datetime.now():%Y-%m-%d %H:%M:%S}\n")
            files.remove_partials(self.root)
            self._held = True
            try:
                with log.logged(self.root / log.NAME):
                    progress.LOG.info("laff %s", shlex.join(sys.argv[1:]))
                    if left:
                        progress.say(f"the last run ({left}) was cut off; what it finished is kept")
                    yield
            finally:
                with suppress(OSError):  # of a full disk: it is found out again
                    for index in self._indexes.values():
                        index.note()
                self._held = False
                files.remove_partials(self.root)  # of workers that were lost
                _sign(file, "")


def _own(path: str, flags: int) -> int:
    """Open a file of the workspace; OSError for a link, which leads to somebody else's."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _signed(file: IO[str]) -> str:
    """Who holds the lock, or held it and was cut off."""
    file.seek(0)
    return file.read().strip()


def _sign(file: IO[str], text: str) -> None:
    with suppress(OSError):  # on a full disk, `laff gc` must still come in
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), text.encode())
